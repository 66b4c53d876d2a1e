"""One piece of work by its id: claimed, kept alive, done, ended; and the processes that wait for one."""
