-- How many orders and order lines stand in each status, and what are they worth?
-- over star
-- from date = 0001-01-01: the first day on which order lines appeared
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 1000: the most rows
-- gives status varchar
-- gives orders bigint
-- gives order_lines bigint
-- gives units bigint
-- gives sales decimal(38,4)
select
    s.status,
    count(distinct f.order_id) as orders,
    count(*) as order_lines,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales
from fact_orders f
join dim_status s on s.status_id = f.status_id
where f.pa_date between :from and :to
group by s.status_id, s.status
order by s.status_id
limit :limit
