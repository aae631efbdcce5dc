-- How large is an order: its worth, its lines, its units? {Unsold} order lines do not count.
-- over star
-- from date = 0001-01-01: the first day on which order lines appeared
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 1000: the most rows
-- gives orders bigint
-- gives average_order decimal(38,4)
-- gives lines_per_order decimal(38,4)
-- gives units_per_order decimal(38,4)
select
    count(distinct f.order_id) as orders,
    sum(f.total_price) / count(distinct f.order_id) as average_order,
    cast(count(*) as decimal(38,4)) / count(distinct f.order_id) as lines_per_order,
    cast(sum(f.product_ccf) as decimal(38,4)) / count(distinct f.order_id) as units_per_order
from fact_orders f
join dim_status s on s.status_id = f.status_id
where s.status in {sold} and f.pa_date between :from and :to
having count(*) > 0
limit :limit
