"""A dataset of a few sentences without pictures, and cues made of it, by a server too."""

import json
import os

from chat_server import MODEL, ChatServer, take_apart, two_cues
from program import BINARY, Case, read_lines, run, run_well

# What a person's shell may hold and a test must not depend on.
os.environ["no_proxy"] = "*"
os.environ.pop("PCNET_API_KEY", None)

SENTENCES = ("the tall man in red", "left dog", "woman holding a cup", "two cats on the sofa")


def write_sentences(root, sentences, split="train"):
    """`annotations.jsonl` with a line for each; the sent_ids count from 1."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "annotations.jsonl").open("a", encoding="utf-8") as file:
        for sentence in sentences:
            line = {"image": "none.png", "size": [8, 8], "sentence": sentence, "split": split}
            file.write(json.dumps(line) + "\n")
    return root


def cues_of(path):
    return {line["sent_id"]: line["cues"] for line in read_lines(path)}


def cues_by_rules(text):
    """As the program prints them."""
    (found,) = json.loads(run_well("--json", "cues", "make", "--text", text).stdout)
    return found["cues"]


class AskingCase(Case):
    """Four sentences, and servers that end with the test."""

    def setUp(self):
        super().setUp()
        self.root = write_sentences(self.folder / "own", SENTENCES)
        self.out = self.folder / "cues.jsonl"
        self.answers = self.folder / "cues.answers.jsonl"

    def serve(self, script=take_apart, **options):
        server = ChatServer(script, **options)
        self.addCleanup(server.stop)
        return server

    def command(self, server, *more, model=MODEL, retries=1):
        url = server if isinstance(server, str) else server.url
        named = ("--model", model) if model else ()
        return (
            *("cues", "make", self.root, "--source", "llm", "--endpoint", url, *named),
            *("--retries", retries, "--out", self.out, *more),
        )

    def process(self, server, *more, **options):
        """The command for `started`."""
        return [BINARY, *map(str, self.command(server, *more, **options)), "--threads", "1"]

    def make(self, server, *more, env=None, preexec_fn=None, **options):
        own = {"env": {**os.environ, **env}} if env else {}
        if preexec_fn:
            own["preexec_fn"] = preexec_fn
        return run(*self.command(server, *more, **options), **own)

    def make_well(self, server, *more, **options):
        """What --json says; `llm` is its part about the questions."""
        result = self.make(server, "--json", *more, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def assert_made(self, sentences=SENTENCES, by_rules=()):
        """The file holds what `take_apart` says, but for the sentences given to the rules."""
        wanted = {i + 1: two_cues(sentence) for i, sentence in enumerate(sentences)}
        for sentence in by_rules:
            wanted[sentences.index(sentence) + 1] = cues_by_rules(sentence)
        self.assertEqual(cues_of(self.out), wanted)

    def assert_nothing_written(self):
        """Only the dataset is there."""
        self.assertEqual([path.name for path in self.folder.iterdir()], ["own"])
        self.assertEqual([path.name for path in self.root.iterdir()], ["annotations.jsonl"])
