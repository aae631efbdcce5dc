select coalesce(ch.point_of_sale_channel, 'all') as channel, coalesce(s.status, 'all') as status, count(*) as lines,
  grouping(ch.point_of_sale_channel, s.status) as level
from fact_orders f join dim_channels ch on ch.channel_id = f.channel_id join dim_status s on s.status_id = f.status_id
group by rollup (ch.point_of_sale_channel, s.status) order by level, 1, 2
----
channel,status,lines,level
B2B,broken,1,0
B2B,created,1,0
B2B,delivered,2,0
Online,created,1,0
Retail,delivered,6,0
B2B,all,4,1
Online,all,1,1
Retail,all,6,1
all,all,11,3
