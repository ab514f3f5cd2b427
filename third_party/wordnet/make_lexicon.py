"""Writes lexicon.txt from WordNet 3.0's database files.

Usage: make_lexicon.py FOLDER > lexicon.txt, FOLDER with index.*, data.noun, verb.exc, cntlist.rev
(Debian's wordnet-base: /usr/share/wordnet). The first part holds the single words that can be
anything but a noun of no person, "word letters": n noun, v verb, a adjective, r adverb, the most
frequent first by the tagged senses; p after them: its first noun sense is a person. Words that are
not listed are nouns. After an empty line come irregular verb forms, "form word".
"""

import collections
import pathlib
import re
import sys

PARTS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
LETTER_OF_KIND = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}  # of a sense key
PERSON = "18"  # lexicographer file noun.person
WORD = re.compile(r"[a-z][a-z'-]*$")


def entries(path):
    """The lines of a database file after its licence, split."""
    with open(path, encoding="latin-1") as lines:
        for line in lines:
            if not line.startswith("  "):
                yield line.split()


def main(folder):
    letters, persons = collections.defaultdict(set), set()
    file_of = {entry[0]: entry[1] for entry in entries(folder / "data.noun")}
    for name, letter in PARTS.items():
        for entry in entries(folder / f"index.{name}"):
            word = entry[0]
            if not WORD.match(word):
                continue
            letters[word].add(letter)
            first_sense = entry[-int(entry[2])]
            if letter == "n" and file_of[first_sense] == PERSON:
                persons.add(word)
    counts = collections.Counter()
    for key, _, count in entries(folder / "cntlist.rev"):
        word, rest = key.split("%", 1)
        counts[word, LETTER_OF_KIND[rest[0]]] += int(count)
    for word in sorted(letters):
        ordered = sorted(letters[word], key=lambda one: (-counts[word, one], "navr".index(one)))
        if ordered != ["n"] or word in persons:
            print(word, "".join(ordered) + ("p" if word in persons else ""))
    print()
    for form, word, *_ in entries(folder / "verb.exc"):
        if WORD.match(form) and WORD.match(word):
            print(form, word)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
