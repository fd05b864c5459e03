"""The documentation site: built from the repository as it stands, without any network.

The source folder is the root of the repository, so that the pages in ``docs/``, the README and the
notebooks link to each other on the site as they do in a checkout.
"""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from clvmodels import __version__  # noqa: E402

project = "clvmodels"
author = "The clvmodels developers"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "data/README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
# Folders that are not worth walking through.
exclude_patterns = [".*", "build", "dist", "clvmodels", "tests", "reports", "**/.*", "docs/conf.py"]

# Markdown: anchors as in a checkout, and mathematics between dollars.
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4

# The notebooks are committed with their outputs; only pages without any are run.
nb_execution_mode = "auto"
nb_execution_excludepatterns = ["notebooks/*"]
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "py:obj"
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "clvmodels"
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"docs/index": [], "docs/gallery": [], "docs/faq": []}
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "footer_start": [],
    "footer_end": [],
    "pygments_light_style": "tango",
}
# One file of MathJax out of an installed package, instead of one from the network.
_MATHJAX = Path(str(find_spec("sphinx-mathjax-offline").origin)).parent / "static" / "mathjax"
html_static_path = [str(_MATHJAX / "tex-svg.js"), "site.css"]
html_css_files = ["site.css"]
mathjax_path = "tex-svg.js"

_LINK = re.compile(r"\[(?P<text>[^\]\[]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
_IMAGES = (".png", ".svg")


def keep_links_on_the_site(app: Sphinx, name: str, source: list[str]) -> None:
    """Lead links to the README to the first page, and leave the text of those to no page.

    Pages name tests, folders and code as they stand in the repository.
    """
    here = Path(app.env.doc2path(name)).parent

    def kept(found: re.Match[str]) -> str:
        target = (here / found["target"]).resolve()
        if found["target"].startswith("https:") or target.suffix in _IMAGES:
            return found[0]
        if target == ROOT / "README.md":
            return f"[{found['text']}](/{root_doc}.md)"
        page = app.env.path2doc(str(target))
        return found[0] if page in app.env.found_docs else found["text"]

    source[0] = _LINK.sub(kept, source[0])


def lead_to_the_first_page(app: Sphinx, error: Exception | None) -> None:
    """The first page stands in ``docs/``, as its source does."""
    if error is None and app.builder.name == "html":
        page = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html">'
        link = '<title>clvmodels</title><a href="docs/index.html">clvmodels</a>'
        (Path(app.outdir) / "index.html").write_text(f"{page}{link}\n", "utf-8")


def setup(app: Sphinx) -> None:
    """Register what this site adds to Sphinx."""
    app.connect("source-read", keep_links_on_the_site)
    app.connect("build-finished", lead_to_the_first_page)
