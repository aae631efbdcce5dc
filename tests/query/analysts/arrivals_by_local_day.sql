select cast(event_time at time zone 'America/Santiago' as date) as day, hour(event_time at time zone 'America/Santiago') as hour,
  file_id, event_time at time zone 'America/Santiago' as there
from tbl_duff_files order by event_time
----
day,hour,file_id,there
2026-01-04,23,a,2026-01-04 23:30:00.123 America/Santiago
2026-02-03,21,b,2026-02-03 21:00:00.000 America/Santiago
2026-02-14,9,c,2026-02-14 09:00:00.000 America/Santiago
2026-03-29,2,d,2026-03-29 02:00:00.000 America/Santiago
