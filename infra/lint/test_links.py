"""Unit tests of links.py."""

import pathlib
import unittest

import links


def check(text):
    """Returns the findings in a file `docs/a.md` with this text. The files that the tests link to exist."""
    path = pathlib.PurePosixPath
    texts = {path("docs/a.md"): text, path("docs/b.md"): "# One\n## Two words\n", path("README.md"): "# Top\n"}
    paths = [*texts, path("docs/picture one.png"), path("src/lib.rs")]
    return [f"{line}: {message}" for source, line, message in links.check(texts, paths) if source == path("docs/a.md")]


class Targets(unittest.TestCase):
    def test_links_to_existing_files_folders_and_headings(self):
        good = ["[b](b.md)", "[b](./b.md#two-words)", "[top](../README.md#top)", "[source](../src/)", "[source](../src)",
                "[root](/src/lib.rs)", "![picture](picture%20one.png)", '[b](b.md "A title")', "[b][1]\n\n[1]: b.md#one",
                '<img src="picture%20one.png">', "# Here\n[here](#here)"]
        for text in good:
            self.assertEqual(check(text), [], text)

    def test_missing_file(self):
        for text in ["[c](c.md)", "![c](c.md)", '<a href="c.md">', "[c]: c.md"]:
            self.assertEqual(check(text), ["1: link to missing file: c.md"], text)

    def test_file_is_not_a_folder(self):
        self.assertEqual(check("[c](b.md/c.md)"), ["1: link to missing file: b.md/c.md"])

    def test_missing_heading(self):
        self.assertEqual(check("# A\n\n[b](b.md#three)\n[a](#b)"),
                         ["3: link to missing heading: b.md#three", "4: link to missing heading: #b"])

    def test_link_outside_the_repository_is_missing(self):
        self.assertEqual(check("[x](../../x.md)"), ["1: link to missing file: ../../x.md"])

    def test_anchor_of_other_kinds_of_file_is_not_checked(self):
        self.assertEqual(check("[line](../src/lib.rs#L1)"), [])

    def test_external_links_are_not_followed(self):
        self.assertEqual(check("[a](https://a.example/b) <mailto:a@b.example> [m](mailto:a@b.example) [s](//a.example)"), [])

    def test_links_in_code_are_ignored(self):
        self.assertEqual(check("`[c](c.md)`\n\n```\n[c](c.md)\n```\n"), [])

    def test_several_links_on_one_line(self):
        self.assertEqual(check("[c](c.md), [b](b.md), [d](d.md)"),
                         ["1: link to missing file: c.md", "1: link to missing file: d.md"])


class Anchors(unittest.TestCase):
    def test_slug(self):
        cases = {"Two words": "two-words", "What is `measured`?": "what-is-measured", "A: b, c": "a-b-c",
                 "The [guide](b.md)": "the-guide", "snake_case 1.2": "snake_case-12", "a - b": "a---b"}
        for heading, expected in cases.items():
            self.assertEqual(links.slug(heading), expected)

    def test_repeated_headings_are_numbered(self):
        self.assertEqual(links.anchors("# A\n## A\n## A\n"), {"a", "a-1", "a-2"})

    def test_anchors_set_in_html(self):
        self.assertEqual(links.anchors('<a id="x"></a>\n<h2 name="y">Y</h2>\n'), {"x", "y"})

    def test_comment_in_code_block_is_not_a_heading(self):
        self.assertEqual(links.anchors("```sh\n# not this\n```\n# This\n"), {"this"})


if __name__ == "__main__":
    unittest.main()
