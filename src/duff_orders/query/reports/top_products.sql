-- Which ten products sell best, and how many litres is that? Broken order lines do not count.
select
    p.product_id,
    p.product_description,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales,
    sum(f.total_volume) as litres
from fact_orders f
join dim_products p on p.product_id = f.product_id
join dim_status s on s.status_id = f.status_id
where s.status <> 'broken'
group by p.product_id, p.product_description
order by sales desc, p.product_id
limit 10
