#!/usr/bin/env python3
"""A service's packages.txt as the substitution variable of its Depends line: the list is kept in one place."""
import sys


def packages(text):
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as listed:
        print(f"dubbing:Depends={', '.join(packages(listed.read()))}")
