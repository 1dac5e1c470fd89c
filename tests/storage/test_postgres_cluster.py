"""The PostgreSQL of these tests ends when it is asked to, however busy the machine is."""

import os
import signal

import pytest

from tests.postgres import Cluster, here_or_skip


def test_one_that_does_not_stop_in_time_is_stopped_at_once_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    here_or_skip()
    with Cluster() as cluster:
        database = cluster.fresh_database()
        cluster.sql("CREATE TABLE kept (number int)", url=database)
        os.kill(int(cluster.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")), signal.SIGSTOP)

        cluster.stop(within_s=1)
        cluster.start()

        assert "0" == cluster.sql("SELECT count(*) FROM kept", url=database)
    assert "PostgreSQL did not stop (fast) within 1 s" in capsys.readouterr().out
