"""One module for each kind of file that a shot can be written as. The table of them is `record.export.FORMATS`."""
