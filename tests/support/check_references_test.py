"""Plants each kind of fault in a small tree and checks that check_references finds that one alone."""

import unittest

import check_references
import tree_check

SOUND = {
    "docs/method.md": "# The method\n\n## A *term*, and `code`\n\n## Twice\n\n## Twice\n\n"
    "## The paper's numbers\n\n| Eq. 5, Eq. 6, Eq. 7 | Table 2 | Sec. 3.2 | App. D | A.2 |\n",
    "docs/page.md": "[a](method.md#a-term-and-code) [b](method.md#twice-1) [c](../README.md) "
    "[d](https://example.org/x.md#y)\n",
    "README.md": "![picture](docs/picture.png) [page](docs/page.md) docs/page.md\n"
    "```sh\n[x](nowhere.png)\n```\n",
    "docs/picture.png": "",
    "include/a.h": "/// docs/method.md#twice; Eq. 5-7, Table 2; writes study.md\n"
    '    .source = "Eq. 5, Table 2; A.2; "\n    "docs/method.md#twice",\n',
}


class CheckReferences(tree_check.PlantedTree):
    SOUND = SOUND

    def check(self, root):
        return check_references.check(root)

    def test_a_sound_tree_has_no_fault(self):
        self.assertEqual(self.faults({}), [])

    def test_a_page_that_is_not_there_is_found(self):
        self.assert_one({"src/a.cpp": "// docs/other.md\n"}, "src/a.cpp:1", "docs/other.md")
        self.assert_one({"docs/b.md": "[x](other.md)\n"}, "docs/b.md:1", "docs/other.md")
        self.assert_one({"docs/b.md": "see other.md\n"}, "docs/b.md:1", "other.md")
        self.assert_one({"configs/a.yaml": "# other.md\n"}, "configs/a.yaml:1", "other.md")
        self.assert_one({"CMakeLists.txt": "# docs/other.md\n"}, "CMakeLists.txt:1")

    def test_a_heading_that_is_not_there_is_found(self):
        self.assert_one({"configs/a.yaml": "# docs/method.md#thrice\n"}, "no heading #thrice")
        self.assert_one({"docs/b.md": "\n[x](method.md#thrice)\n"}, "docs/b.md:2", "#thrice")
        self.assert_one({"docs/b.md": "[x](#here)\n```\n# here\n```\n"}, "docs/b.md has no heading")

    def test_a_page_without_its_folder_is_found(self):
        self.assert_one({"src/a.cpp": "// method.md 7\n"}, "write docs/method.md")

    def test_a_file_that_is_not_there_is_found(self):
        self.assert_one({"docs/b.md": "![x](other.png)\n"}, "other.png leads nowhere")
        self.assert_one({"docs/b.md": '<img width="9" src="o.png">\n'}, "o.png leads nowhere")
        self.assert_one({"docs/b.md": "[x](method.md#twice, Table 2)\n"}, "no heading #twice,")

    def test_a_number_that_the_paper_lacks_is_found(self):
        self.assert_one({"src/a.cpp": "// Eq. 17\n"}, "Eq. 17 is not listed")
        self.assert_one({"src/a.cpp": "// Eq. 5-9\n"}, "Eq. 9 is not listed")
        self.assert_one({"docs/b.md": "Table 12 has it\n"}, "Table 12")
        self.assert_one({"src/a.cpp": "// Cls (A.3), App. D\n"}, "A.3 is not listed")

    def test_a_source_that_names_nothing_is_found(self):
        self.assert_one({"include/b.h": '.source = "ours",\n'}, 'the source "ours"')
        self.assert_one(
            {"include/b.h": '.source = "Eq. 5; "\n  "the code",\n'}, 'the source "the code"'
        )
        self.assert_one({"include/b.h": '.source = "docs/method.md",\n'}, '"docs/method.md"')
        self.assert_one(
            {"include/b.h": '.source = "docs/method.md#twice, Table 2",\n'}, "#twice, Table 2"
        )


if __name__ == "__main__":
    unittest.main()
