select order_id, bool_and(status_id = 2) as all_delivered, count(distinct (product_id, status_id)) as kinds
from fact_orders group by order_id order by order_id offset 0 limit 3
----
order_id,all_delivered,kinds
1,true,2
2,true,1
3,false,1
