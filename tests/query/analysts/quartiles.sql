select ntile(2) over (order by total desc, order_id) as half, order_id, total, rank() over (order by total desc) as place
from (select order_id, sum(total_price) as total from fact_orders group by order_id) as o order by total desc, order_id
----
half,order_id,total,place
1,8,45.0000,1
1,1,39.0000,2
1,9,21.0000,3
1,4,20.0000,4
1,5,20.0000,4
2,3,10.5000,6
2,6,10.2500,7
2,7,10.2000,8
2,2,10.0000,9
