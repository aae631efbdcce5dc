select p.product_id, p.product_description, sum(l.units) as units, sum(l.sales) as sales, sum(l.litres) as litres
from line_cube l join dim_products p using (product_id)
where l.status_id in {sold_ids} and l.pa_date between :from and :to
group by p.product_id, p.product_description
order by sales desc, p.product_id
limit :limit
