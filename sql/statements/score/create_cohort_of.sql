-- The one place that says which cohort a track belongs to: a run, its replay and counts from outside all ask here.
-- The name is the values of the dimensions, platform/age band/model family, as far as the definition has them; what
-- is not known is 'unknown', a value like any other. A band holds its lower edge: 7-30d is 7 <= age < 30.
CREATE OR REPLACE TEMP MACRO age_band_of(age_days, edges) AS
    CASE
        WHEN age_days IS NULL THEN 'unknown'
        WHEN age_days < edges[1] THEN '<' || printf('%g', edges[1]) || 'd'
        WHEN age_days >= edges[-1] THEN '>=' || printf('%g', edges[-1]) || 'd'
        ELSE printf('%g', list_max(list_filter(edges, lambda edge: edge <= age_days))) || '-'
            || printf('%g', list_min(list_filter(edges, lambda edge: edge > age_days))) || 'd'
    END;
CREATE OR REPLACE TEMP MACRO cohort_of(platform, age_days, model_family, edges, by_age, by_family) AS
    concat_ws(
        '/', platform,
        CASE WHEN by_age THEN age_band_of(age_days, edges) END,
        CASE WHEN by_family THEN coalesce(model_family, 'unknown') END)
