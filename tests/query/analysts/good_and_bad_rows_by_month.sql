select date_format(pa_date, '%Y-%m') as month, sum(rows_read) as read, sum(rows_published) as published, sum(rows_rejected) as rejected,
  cast(sum(rows_rejected) as double) / nullif(sum(rows_read), 0) as share
from tbl_duff_files group by 1 order by 1
----
month,read,published,rejected,share
2026-01,12,10,2,0.16666666666666666
2026-02,38,36,2,0.05263157894736842
2026-03,0,0,0,
