-- What was sold on each day, newest first, by the day on which the order line first appeared? {Unsold} order lines do not count.
-- over star
-- page sql
-- from date = 0001-01-01: the first day on which order lines appeared
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 1000: the most rows
-- gives pa_date date
-- gives orders bigint
-- gives order_lines bigint
-- gives units bigint
-- gives sales decimal(38,4)
select
    f.pa_date,
    count(distinct f.order_id) as orders,
    count(*) as order_lines,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales
from fact_orders f
join dim_status s on s.status_id = f.status_id
where s.status in {sold} and f.pa_date between :from and :to
group by f.pa_date
order by f.pa_date desc
limit :limit
