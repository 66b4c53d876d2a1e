"""QRA sets into better models. Needs the extra: pip install "stepgraph[train]"."""

import logging
from importlib.util import find_spec

from graph_schema.errors import BadInput


class TrainerMissing(BadInput, ImportError):
    """The packages of the extra `train` are not installed."""

    kind = "trainer-missing"


logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # peft imports it, and on a machine without a GPU it says then that it has none
for _package in ("torch", "torchvision", "transformers", "accelerate", "peft", "PIL"):
    if find_spec(_package) is None:
        raise TrainerMissing(f'training needs {_package}, which is not installed here: pip install "stepgraph[train]"')
