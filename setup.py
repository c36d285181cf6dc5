"""Which folders are packages; everything else about the project stands in pyproject.toml.

models/, weights/ and the demo clip of docs/ stand at the top of the repository and ship inside the package.
"""

from setuptools import find_packages, setup

_ELSEWHERE = {"xnect_lite.models": "models", "xnect_lite._weights": "weights", "xnect_lite._demo": "docs"}

setup(
    packages=sorted(
        {
            *find_packages(include=["xnect_lite", "xnect_lite.*"]),
            *_ELSEWHERE,
            *(f"{package}.{inner}" for package, folder in _ELSEWHERE.items() for inner in find_packages(folder)),
        }
    ),
    package_dir=_ELSEWHERE,
)
