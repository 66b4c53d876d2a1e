"""The experiment behind `evidence_step`: does a small model that sees single facts learn to answer in several steps from its own graphs?

What is simplified against the product, and why (docs/evidence.md): worlds are one picture of a 3 × 3 grid, where a toy can perceive at all;
the model lists what it sees in a compact form, not as JSON, and relations follow from the listed places. The rest is the product: the
model's class, its processor, induction's vote over several replies, the store, the sampling of questions, the trainer, the exam.
"""
