-- What came in on each day, newest first, and what became of its rows?
-- over ledger
-- page sql
-- from date = 0001-01-01: the first day on which files were announced
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 1000: the most rows
-- gives pa_date date
-- gives files bigint
-- gives files_not_published bigint
-- gives rows_read bigint
-- gives rows_published bigint
-- gives rows_duplicate bigint
-- gives rows_rejected bigint
-- gives rows_withheld bigint
select
    pa_date,
    count(*) as files,
    count_if(verdict in ('invalid', 'failed')) as files_not_published,
    sum(rows_read) as rows_read,
    sum(rows_published) as rows_published,
    sum(rows_duplicate) as rows_duplicate,
    sum(rows_rejected) as rows_rejected,
    sum(rows_withheld) as rows_withheld
from tbl_duff_files
where pa_date between :from and :to
group by pa_date
order by pa_date desc
limit :limit
