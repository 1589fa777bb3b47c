"""Unit tests of prose.py: each sample is a file's text, each expectation the `LINE: MESSAGE` of its findings."""

import pathlib
import subprocess
import tempfile
import unittest

import prose


def check(name, text):
    findings = prose.check_text(pathlib.PurePosixPath(name), text)
    return [f"{finding.line}: {finding.message}" for finding in findings]


def sentence_of(words):
    return "It " + "really " * (words - 2) + "ends."


class Openers(unittest.TestCase):
    def test_comment_must_not_open_with_what(self):
        self.assertEqual(check("a.rs", "/// What it returns.\nfn f() {}\n"), ['1: opens with "What"'])

    def test_only_first_line_of_comment_opens_it(self):
        self.assertEqual(check("a.rs", "/// Returns\n/// What it found.\nfn f() {}\n"), [])

    def test_trailing_comment_is_separate(self):
        self.assertEqual(check("a.rs", "f(); // Who asked.\ng(); // Who answered.\n"),
                         ['1: opens with "Who"', '2: opens with "Who"'])

    def test_other_marker_begins_new_comment(self):
        self.assertEqual(check("a.rs", "//! Module.\n/// What follows.\n"), ['2: opens with "What"'])

    def test_question_may_open_with_what(self):
        self.assertEqual(check("a.md", "What happens if a stage fails? It runs again.\n"), [])

    def test_longer_word_is_not_an_opener(self):
        self.assertEqual(check("a.rs", "// Whatever. Whose.\n"), [])

    def test_each_list_item_is_checked(self):
        self.assertEqual(check("a.md", "- Good.\n- What is bad.\n"), ['2: opens with "What"'])

    def test_heading_and_table_cell_may_open_with_what(self):
        self.assertEqual(check("a.md", "## What you need\n\n| What you see | Who acts |\n|---|---|\n"), [])


class RefusedWords(unittest.TestCase):
    def test_each_word_is_reported_with_its_line(self):
        self.assertEqual(check("a.rs", "// Good.\n// Nothing is told.\n// Whoever asks.\n"),
                         ['2: "told"', '3: "whoever"'])

    def test_phrase_may_break_across_lines(self):
        self.assertEqual(check("a.md", "a file of\nwhich none is left\n"), ['1: "of which"'])

    def test_part_of_word_is_not_refused(self):
        self.assertEqual(check("a.md", "withstands, retold, beside\n"), [])

    def test_table_cell_is_checked(self):
        self.assertEqual(check("a.md", "| a |\n|---|\n| it stands |\n"), ['3: "stands"'])

    def test_code_is_not_checked(self):
        self.assertEqual(check("a.md", "`told`\n\n```\ntold\n```\n\n```console\nnobody\n```\n"), [])
        self.assertEqual(check("a.rs", "/// Returns `told`.\n///\n/// ```\n/// told();\n/// ```\nfn f() {}\n"), [])

    def test_html_comment_is_not_checked(self):
        self.assertEqual(check("a.md", "<!-- told\n-->\nstands\n"), ['3: "stands"'])


class Languages(unittest.TestCase):
    def test_rust_strings_are_not_comments(self):
        text = 'let a = "// told"; let b = r#"// told " // told"#; let c = \'"\'; // told\nlet d = "\\" // told";\n'
        self.assertEqual(check("a.rs", text), ['1: "told"'])

    def test_rust_lifetime_does_not_open_string(self):
        self.assertEqual(check("a.rs", "fn f<'a>(x: &'a str) {} // told\n"), ['1: "told"'])

    def test_block_comment(self):
        self.assertEqual(check("a.css", "/* Good.\n * It is told. */\na { color: red }\n"), ['2: "told"'])

    def test_script_with_address_in_string(self):
        self.assertEqual(check("a.mjs", "const a = 'http://told'; // stands\n"), ['1: "stands"'])

    def test_hash_comments(self):
        for name in ["a.sh", "a.toml", "a.yaml", "Makefile"]:
            self.assertEqual(check(name, "a: \"# told\" # stands\nb: ${c#told}\n"), ['1: "stands"'], name)

    def test_python_comments_and_docstrings(self):
        text = 'def f():\n    """Good.\n\n    What is told.\n    """\n    return "told"  # stands\n'
        self.assertEqual(check("a.py", text), ['6: "stands"', '4: "told"'])

    def test_unknown_kind_is_not_read(self):
        self.assertIsNone(prose.reader_of(pathlib.PurePosixPath("a.json")))


class Sentences(unittest.TestCase):
    def test_guide_sentence_of_36_words_is_reported(self):
        message = '1: sentence of 36 words: "It really really really really really …"'
        for name in ["README.md", "docs/guides/first.md"]:
            self.assertEqual(check(name, sentence_of(36)), [message], name)

    def test_35_words_are_allowed(self):
        self.assertEqual(check("README.md", f"{sentence_of(35)} {sentence_of(35)}\n"), [])

    def test_other_documents_have_no_limit(self):
        self.assertEqual(check("infra/adr/0001.md", sentence_of(36)), [])

    def test_sentence_is_reported_at_its_first_line(self):
        self.assertEqual(check("README.md", f"Short. Short.\n{sentence_of(40)}\n")[0].split(":")[0], "2")

    def test_items_and_cells_are_separate_sentences(self):
        half = "word " * 20
        self.assertEqual(check("README.md", f"{half}:\n\n- {half}\n- {half}\n\n| {half} | {half} |\n"), [])

    def test_address_and_abbreviation_do_not_end_a_sentence(self):
        words = prose.sentences("See [the guide](https://a.example/b.c) for 1.5 s, e.g. here. Next.")
        self.assertEqual([len(each) for _, each in words], [8, 1])


class AllowList(unittest.TestCase):
    def tree(self, allowed):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
        (root / "infra/lint").mkdir(parents=True)
        (root / "phrases.rs").write_text("// They say: you were told so.\n// Nothing stands.\n")
        (root / prose.ALLOW_LIST).write_text(allowed)
        return [str(finding) for finding in prose.check_tree(root)]

    def test_entry_exempts_line(self):
        allowed = "# Quotations.\n\n*.rs: you were told so\n"
        self.assertEqual(self.tree(allowed), ['phrases.rs:2: "stands"'])

    def test_unused_entry_is_reported(self):
        found = self.tree("*.rs: told\n*.rs: stands\n*.md: stands\n")
        self.assertEqual(found, ["infra/lint/prose.allow:3: exempts nothing; remove the entry"])

    def test_counts_are_by_folder(self):
        paths = ["crates/a/src/x.rs", "crates/a/src/y.rs", "README.md"]
        findings = [prose.Finding(pathlib.PurePosixPath(path), 1, "") for path in paths]
        self.assertEqual(prose.count_by_folder(findings), [("crates/a", 2), (".", 1)])


if __name__ == "__main__":
    unittest.main()
