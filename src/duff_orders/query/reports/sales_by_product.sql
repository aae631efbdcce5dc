-- Which products sell best, and how many litres is that? {Unsold} order lines do not count.
-- over star
-- page sql
-- from date = 0001-01-01: the first day on which order lines appeared
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 10: the most rows
-- gives product_id bigint
-- gives product_description varchar
-- gives units bigint
-- gives sales decimal(38,4)
-- gives litres decimal(38,4)
select
    p.product_id,
    p.product_description,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales,
    sum(f.total_volume) as litres
from fact_orders f
join dim_products p on p.product_id = f.product_id
join dim_status s on s.status_id = f.status_id
where s.status in {sold} and f.pa_date between :from and :to
group by p.product_id, p.product_description
order by sales desc, p.product_id
limit :limit
