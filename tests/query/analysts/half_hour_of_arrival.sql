select file_id, event_time, date_trunc('hour', event_time) + interval '30' minute * (minute(event_time) / 30) as slot,
  format_datetime(event_time, 'yyyy-MM-dd''T''HH:mm') as told, to_iso8601(event_time) as iso
from tbl_duff_files order by event_time
----
file_id,event_time,slot,told,iso
a,2026-01-05 02:30:00.123,2026-01-05 02:30:00.000,2026-01-05T02:30,2026-01-05T02:30:00.123
b,2026-02-04 00:00:00.000,2026-02-04 00:00:00.000,2026-02-04T00:00,2026-02-04T00:00:00.000
c,2026-02-14 12:00:00.000,2026-02-14 12:00:00.000,2026-02-14T12:00,2026-02-14T12:00:00.000
d,2026-03-29 05:00:00.000,2026-03-29 05:00:00.000,2026-03-29T05:00,2026-03-29T05:00:00.000
