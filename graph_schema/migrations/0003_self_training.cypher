// Schema version 3. Self-training runs, and the training runs that are their cycles and controls.
CREATE CONSTRAINT self_training_run_id IF NOT EXISTS FOR (n:SelfTrainingRun) REQUIRE n.id IS UNIQUE;
