select width_bucket(total, 0, 40, 4) as bucket, count(*) as orders, min(total) as least, max(total) as most
from (select order_id, cast(sum(total_price) as double) as total from fact_orders group by order_id) as o group by 1 order by 1
----
bucket,orders,least,most
2,4,10.0,10.5
3,3,20.0,21.0
4,1,39.0,39.0
5,1,45.0,45.0
