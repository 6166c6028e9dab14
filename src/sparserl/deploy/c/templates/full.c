{% set units = layer.num_units %}
{% set inputs = layer.num_inputs %}
/* {{ layer.name }}: dense, by {{ "columns" if layer.form.by_columns else "rows" }}. */
static void {{ name }}(const float *x, float *y)
{
{% if layer.in_lanes %}
#if defined(LANES_AVX2) || defined(LANES_NEON)
{% include "wide.c" %}
#else
{% endif %}
    const {{ weight }} *weights = {{ name }}_weights;
    unsigned i{{ ", j" if inputs >= 8 or not layer.form.by_columns }};
{% if layer.form.by_columns %}
    for (i = 0; i < {{ units }}; i++) {
        y[i] = {% if scaled %}0.0f{% else %}{{ name }}_biases[i]{% endif %};
    }
{% if inputs >= 8 %}
    for (j = 0; j < {{ inputs // 8 }}; j++) {
        const float {% for k in range(8) %}x{{ k }} = x[{{ k }}]{{ ", " if not loop.last }}{% endfor %};
        for (i = 0; i < {{ units }}; i++) {
            y[i] += {% for k in range(0, 8, 2) %}({{ cast }}weights[i + {{ k * units }}] * x{{ k }} + {{ cast }}weights[i + {{ (k + 1) * units }}] * x{{ k + 1 }}){% if not loop.last %}
                    + {% endif %}{% endfor %};
        }
        weights += {{ 8 * units }};
        x += 8;
    }
{% endif %}
{% if inputs % 8 %}
    {
        const float {% for k in range(inputs % 8) %}x{{ k }} = x[{{ k }}]{{ ", " if not loop.last }}{% endfor %};
        for (i = 0; i < {{ units }}; i++) {
            y[i] += {% for k in range(inputs % 8) %}{{ cast }}weights[i{{ " + %d" % (k * units) if k }}] * x{{ k }}{{ " + " if not loop.last }}{% endfor %};
        }
    }
{% endif %}
{% if layer.activation or scaled %}
    {
{% if layer.activation == "relu" %}
        const float zero = hidden_zero();
{% endif %}
        for (i = 0; i < {{ units }}; i++) {
            y[i] = {{ activated(layer.activation, ("N_biases[i] + N_scales[i] * y[i]" if scaled else "y[i]") | replace("N", name)) }};
        }
    }
{% endif %}
{% else %}
{% if layer.activation == "relu" %}
    const float zero = hidden_zero();
{% endif %}
    for (i = 0; i < {{ units }}; i++) {
        float {% for k in range(8) %}sum{{ k }} = 0.0f{{ ", " if not loop.last }}{% endfor %};
{% if inputs >= 8 %}
        for (j = 0; j < {{ inputs // 8 * 8 }}; j += 8) {
{% for k in range(8) %}
            sum{{ k }} += {{ cast }}weights[j + {{ k }}] * x[j + {{ k }}];
{% endfor %}
        }
{% endif %}
{% if inputs % 8 %}
        for (j = {{ inputs // 8 * 8 }}; j < {{ inputs }}; j++) {
            sum0 += {{ cast }}weights[j] * x[j];
        }
{% endif %}
        sum0 = ((sum0 + sum4) + (sum2 + sum6)) + ((sum1 + sum5) + (sum3 + sum7));
        sum0 = {{ name }}_biases[i] + {% if scaled %}{{ name }}_scales[i] * {% endif %}sum0;
        y[i] = {{ activated(layer.activation, "sum0") }};
        weights += {{ inputs }};
    }
{% endif %}
{% if layer.in_lanes %}
#endif
{% endif %}
}
