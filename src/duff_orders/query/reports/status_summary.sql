-- How many orders and order lines stand in each status, and what are they worth?
select
    s.status,
    count(distinct f.order_id) as orders,
    count(*) as order_lines,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales
from fact_orders f
join dim_status s on s.status_id = f.status_id
group by s.status_id, s.status
order by s.status_id
