"""What happens by the clock: the ledger forgets what is over.

https://docs.dagster.io/guides/automate/schedules
"""

import dagster as dg

from resources import LedgerResource
from telecine.ledger import retention
from telecine.settings import settings


@dg.op
def forget_old_work(context: dg.OpExecutionContext, ledger: LedgerResource) -> None:
    """Delete records of work that ended longer ago than they are kept; outputs and manifests stay."""
    book, config = ledger.open(), settings()
    keep = retention.Retention(config.keep_jobs_days, config.keep_progress_days)
    while True:
        purged = book.do(retention.purge, keep)
        context.log.info(f"forgot {purged.jobs} job(s) and {purged.progress} progress report(s)")
        if not purged.more:
            return


@dg.job(executor_def=dg.in_process_executor)
def retention_job() -> None:
    """Forget what is over, as long as telecine.settings says it is kept."""
    forget_old_work()


retention_schedule = dg.ScheduleDefinition(
    job=retention_job,
    cron_schedule="17 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Forgets ended jobs and progress; TELECINE_KEEP_JOBS_DAYS and TELECINE_KEEP_PROGRESS_DAYS say when.",
)
