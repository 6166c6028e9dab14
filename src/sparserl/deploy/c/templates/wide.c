    /* Units side by side, and their integers made floats eight at a time, which compilers do by detours on their own. */
    unsigned i = 0, j;
{% for blocks in (4, 1) if units >= 8 * blocks %}
    for (; i + {{ 8 * blocks }} <= {{ units }}; i += {{ 8 * blocks }}) {
        const int8_t *weights = {{ name }}_weights + i;
        lanes {% for k in range(blocks) %}sum{{ k }} = lanes_zero(){{ ", " if not loop.last }}{% endfor %};
        for (j = 0; j < {{ inputs }}; j++) {
            const lanes given = lanes_of(x[j]);
{% for k in range(blocks) %}
            sum{{ k }} = lanes_add_product(sum{{ k }}, lanes_of_weights(weights{{ " + %d" % (8 * k) if k }}), given);
{% endfor %}
            weights += {{ units }};
        }
{% for k in range(blocks) %}
{% set at = "i + %d" % (8 * k) if k else "i" %}
        sum{{ k }} = lanes_add_product(lanes_load({{ name }}_biases + {{ at }}), lanes_load({{ name }}_scales + {{ at }}), sum{{ k }});
        lanes_store(y + {{ at }}, {{ {"relu": "lanes_larger_of_zero_and(sum%d)", "tanh": "lanes_hyperbolic_tangent(sum%d)", none: "sum%d"}[layer.activation] % k }});
{% endfor %}
    }
{% endfor %}
{% if units % 8 %}
    {
{% if layer.activation == "relu" %}
        const float zero = hidden_zero();
{% endif %}
        for (; i < {{ units }}; i++) {
            const int8_t *weights = {{ name }}_weights + i;
            float sum = 0.0f;
            for (j = 0; j < {{ inputs }}; j++) {
                sum += (float)*weights * x[j];
                weights += {{ units }};
            }
            y[i] = {{ activated(layer.activation, "%s_biases[i] + %s_scales[i] * sum" % (name, name)) }};
        }
    }
{% endif %}
