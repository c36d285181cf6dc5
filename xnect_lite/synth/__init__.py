"""The synthetic-people generator: pictures whose labels are exact by construction."""
