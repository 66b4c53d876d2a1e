"""QRA sets into better models. Needs the extra: pip install "stepgraph[train]"."""

from importlib.util import find_spec

from graph_schema.errors import BadInput


class TrainerMissing(BadInput, ImportError):
    """The packages of the extra `train` are not installed."""

    kind = "trainer-missing"


for _package in ("torch", "torchvision", "transformers", "accelerate", "PIL"):
    if find_spec(_package) is None:
        raise TrainerMissing(f'training needs {_package}, which is not installed here: pip install "stepgraph[train]"')
