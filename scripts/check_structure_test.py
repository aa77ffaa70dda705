"""The rules of the tree find what they are there to find, and this tree keeps them."""
import json
import subprocess

import check_structure
import pytest

RULES = {
    "required": ["README.md"],
    "allowed_entries": {"apps": ["one", "two"], "libs": ["base", "net"]},
    "tested_elsewhere": {},
    "may_include": {"apps/one": ["libs/base"], "libs/net": ["libs/base"]},
    "headers_only_in": {"gst/*": ["libs/net/*"]},
}
CLEAN = {
    "README.md": "",
    "docs/structure.json": json.dumps(RULES),
    "libs/base/dubbing_base.h": "#include <glib.h>\n",
    "libs/base/base.c": "#include <dubbing_base.h>\n",
    "libs/base/base_test.c": "#include <dubbing_base.h>\n",
    "apps/one/main.c": '#include <dubbing_base.h>\n#include "inner.h"\n',
    "apps/one/main_test.c": "",
    "apps/one/inner.h": "",
    "apps/two/two.h": "",
}


@pytest.fixture
def tree(tmp_path):
    def make(changes):
        for path, text in {**CLEAN, **changes}.items():
            if text is None:
                continue
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        return list(check_structure.problems(tmp_path))
    return make


def test_a_clean_tree_has_no_problems(tree):
    assert tree({}) == []


@pytest.mark.parametrize("changes, said", [
    ({"README.md": None}, "README.md is missing"),
    ({"apps/three/x.h": ""}, "apps/three is not named"),
    ({"apps/one/Bad_Folder/x.h": ""}, "not kebab-case"),
    ({"apps/one/Inner.h": ""}, "not snake_case"),
    ({"apps/one/extra.c": ""}, "has no extra_test.c"),
    ({"apps/one/inner.h": '#include "two.h"\n'}, "only libraries may be shared"),
    ({"libs/base/dubbing_base.h": '#include "two.h"\n'}, "only libraries may be shared"),
    ({"libs/net/dubbing_net.h": "", "apps/one/inner.h": "#include <dubbing_net.h>\n"}, "may not use"),
    ({"apps/one/inner.h": "#include <gst/gst.h>\n"}, "allowed only in"),
])
def test_each_rule_is_held(tree, changes, said):
    assert any(said in problem for problem in tree(changes))


def test_an_excuse_for_nothing_is_a_problem(tree):
    rules = {**RULES, "tested_elsewhere": {"apps/one/gone.c": "apps/one/gone_test.c"}}
    found = tree({"docs/structure.json": json.dumps(rules)})
    assert any("excuses apps/one/gone.c, which does not exist" in p for p in found)
    assert any("says that apps/one/gone_test.c tests" in p for p in found)


def test_this_tree_keeps_the_rules():
    assert list(check_structure.problems()) == []
