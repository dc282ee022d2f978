/*
description = """Days from 2000 to ten years ahead, one row each: join on `day`. It belongs to no connector. An order \
dated outside of these days has none here: with a LEFT JOIN it is not lost. \
Holidays are the public ones of the Netherlands and Belgium; a working day is not a Saturday, Sunday or holiday."""
key = ["day"]
not_null = ["year", "month", "iso_week", "is_working_day_nl", "is_working_day_be"]

[columns]
day = ["DATE", "The day."]
year = ["BIGINT", "The calendar year."]
quarter = ["BIGINT", "The quarter of the calendar year, 1 to 4."]
month = ["DATE", "The first day of the month."]
month_number = ["BIGINT", "The month, 1 to 12."]
week = ["DATE", "The Monday of the week."]
iso_year = ["BIGINT", "The year that the ISO week belongs to."]
iso_week = ["BIGINT", "The ISO week, 1 to 53."]
weekday = ["BIGINT", "The day of the week, 1 for Monday to 7 for Sunday."]
day_of_year = ["BIGINT", "The day of the year, 1 to 366."]
fiscal_year = ["BIGINT", "The fiscal year, named by the calendar year in which it begins; it begins in month {fiscal_year_start} (A4S_FISCAL_YEAR_START)."]
fiscal_quarter = ["BIGINT", "The quarter of the fiscal year, 1 to 4."]
fiscal_period = ["BIGINT", "The month of the fiscal year, 1 to 12."]
is_weekend = ["BOOLEAN", "Whether it is a Saturday or a Sunday."]
holiday_nl = ["VARCHAR", "The public holiday in the Netherlands; null on other days."]
holiday_be = ["VARCHAR", "The public holiday in Belgium; null on other days."]
is_working_day_nl = ["BOOLEAN", "Whether people work on it in the Netherlands."]
is_working_day_be = ["BOOLEAN", "Whether people work on it in Belgium."]
*/
WITH days AS (
    SELECT unnest(generate_series(DATE '2000-01-01', make_date(year(current_date) + 10, 12, 31), INTERVAL 1 DAY))
               ::DATE AS day
), counted AS (
    SELECT day,
           (SELECT any_value(name) FROM holidays WHERE country = 'NL' AND holidays.day = days.day) AS holiday_nl,
           (SELECT any_value(name) FROM holidays WHERE country = 'BE' AND holidays.day = days.day) AS holiday_be
    FROM days
)
SELECT day, year(day) AS year, quarter(day) AS quarter, date_trunc('month', day)::DATE AS month,
       month(day) AS month_number, date_trunc('week', day)::DATE AS week, isoyear(day) AS iso_year,
       weekofyear(day) AS iso_week, isodow(day) AS weekday, dayofyear(day) AS day_of_year,
       year(day) - (month(day) < {fiscal_year_start})::BIGINT AS fiscal_year,
       ((month(day) - {fiscal_year_start} + 12) % 12) // 3 + 1 AS fiscal_quarter,
       (month(day) - {fiscal_year_start} + 12) % 12 + 1 AS fiscal_period,
       isodow(day) >= 6 AS is_weekend, holiday_nl, holiday_be,
       isodow(day) < 6 AND holiday_nl IS NULL AS is_working_day_nl,
       isodow(day) < 6 AND holiday_be IS NULL AS is_working_day_be
FROM counted
