/* {{ title }}
 *
 * Written by sparserl {{ version }}. {{ prefix }}.h says what it takes and returns, and how to use it.
 *
 * Weights that are zero are not stored. Where a layer is sparse, eight rows lie side by side: the first weight of each,
 * then the second of each, and so on, so that a processor with vectors computes eight units at once, and one without
 * needs no loop around each row. Hidden units are in the order that suits this.
{% if weights == "int8" %}
 * Weights are 8-bit integers, to be multiplied by one scale per row.
{% endif %}
 */
#include "{{ prefix }}.h"

{% if lanes %}
#if !defined({{ PREFIX }}_SCALAR)
#if defined(__AVX2__)
#include <immintrin.h>
#define LANES_AVX2
#if defined(__AVX512F__)
#define LANES_AVX512
#endif
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#define LANES_NEON
#endif
#endif

{% endif %}
{% for layer in layers %}
{% set name = "layer_%d" % loop.index %}
/* {{ layer.name }}: {{ layer.num_inputs }} inputs, {{ layer.num_units }} units, {{ layer.told }} */
{% for table in layer.tables %}
static const {{ table.type }} {{ name }}_{{ table.name }}[{{ table.size }}] = {
{{ table.numbers }}
};
{% endfor %}

{% endfor %}
{% for table in tables %}
/* {{ table.told }} */
static const {{ table.type }} {{ table.name }}[{{ table.size }}] = {
{{ table.numbers }}
};

{% endfor %}
{% macro guarded(name) %}
{% if name not in scalar_functions %}
#if !defined(LANES_AVX2) && !defined(LANES_NEON)
{% endif %}
{{ caller() }}{% if name not in scalar_functions %}
#endif
{% endif %}
{% endmacro %}
{% if "tanh" in functions %}
{% call guarded("tanh") %}
/* tanh as a quotient of polynomials, at most 4e-7 from it; the same on every machine, and without a library. */
static float hyperbolic_tangent(float x)
{
    float square, top, bottom;
    x = x < {{ tanh.end }} ? x : {{ tanh.end }};
    x = x > -{{ tanh.end }} ? x : -{{ tanh.end }};
    square = x * x;
    top = {{ tanh.top[-1] }};
{% for number in tanh.top[:-1] | reverse %}
    top = top * square + {{ number }};
{% endfor %}
    bottom = {{ tanh.bottom[-1] }};
{% for number in tanh.bottom[:-1] | reverse %}
    bottom = bottom * square + {{ number }};
{% endfor %}
    top = x * top / bottom;
    top = top < 1.0f ? top : 1.0f;
    return top > -1.0f ? top : -1.0f;
}
{% endcall %}

{% endif %}
{% if "relu" in functions %}
{% call guarded("relu") %}
/* Zero, but not known to compilers: with a constant GCC makes ReLU a branch, and every second one is mispredicted. */
static float hidden_zero(void)
{
    const volatile float zero = 0.0f;
    return zero;
}

static float larger(float x, float y)
{
    return x > y ? x : y;
}
{% endcall %}

{% endif %}
{% if lanes %}
{% include "lanes.c" %}
{% endif %}
{% for kernel in kernels %}
{% if kernel.kind == "slices" %}
{% include "slices.c" %}
{% else %}
{% include "rows.c" %}
{% endif %}

{% endfor %}
{% for layer in layers if layer.is_full %}
{% set name = "layer_%d" % layer.number %}
{% include "full.c" %}

{% endfor %}
/* From an observation to the network's outputs. */
static void forward(const float *observation, float *outputs)
{
{% if not calls %}
    unsigned i;
    (void)observation;
    for (i = 0; i < {{ num_outputs }}; i++) {
        outputs[i] = layer_{{ layers | length }}_biases[i];
    }
{% else %}
    float first[{{ stack[0] }}]{% if stack[1] %}, second[{{ stack[1] }}]{% endif %};
    unsigned i;
    for (i = 0; i < {{ num_features }}; i++) {
{% if normalizer %}
        const float x = (observation[i] - feature_means[i]) / feature_scales[i];
{% elif divisor %}
        const float x = observation[i] / {{ divisor }};
{% else %}
        const float x = observation[i];
{% endif %}
        /* What is not a number counts as 0, and what is beyond the limit, infinity too, as the limit. */
        first[i] = x > -{{ limit }} ? (x < {{ limit }} ? x : {{ limit }}) : (x <= -{{ limit }} ? -{{ limit }} : 0.0f);
    }
{% for call in calls %}
    {{ call }};
{% endfor %}
{% endif %}
}

void {{ prefix }}_outputs(const float *observation, float *outputs)
{
    forward(observation, outputs);
}

{% if decision == "greatest" %}
void {{ prefix }}_act(const float *observation, int32_t *action)
{
    float outputs[{{ num_outputs }}];
    unsigned i, best = 0;
    forward(observation, outputs);
    for (i = 1; i < {{ num_outputs }}; i++) {
        if (outputs[i] > outputs[best]) {
            best = i;
        }
    }
    *action = (int32_t)best;
}
{% else %}
void {{ prefix }}_act(const float *observation, float *action)
{
    float outputs[{{ num_outputs }}];
    unsigned i;
    forward(observation, outputs);
    for (i = 0; i < {{ num_outputs }}; i++) {
{% if decision == "tanh" %}
        const float x = action_lows[i] + action_halves[i] * (hyperbolic_tangent(outputs[i]) + 1.0f);
{% else %}
        const float x = outputs[i];
{% endif %}
        action[i] = x > action_lows[i] ? (x < action_highs[i] ? x : action_highs[i]) : action_lows[i];
    }
}
{% endif %}

#if !defined({{ PREFIX }}_NO_SELF_TEST)
{% for table in golden %}
static const {{ table.type }} {{ table.name }}[{{ table.size }}] = {
{{ table.numbers }}
};

{% endfor %}
/* The largest difference of two arrays, as a share of the largest number that is expected where that exceeds 1. */
static float largest_difference(const float *given, const float *expected, unsigned count)
{
    float largest = 0.0f, size = 1.0f;
    unsigned i;
    for (i = 0; i < count; i++) {
        const float difference = given[i] > expected[i] ? given[i] - expected[i] : expected[i] - given[i];
        const float absolute = expected[i] < 0.0f ? -expected[i] : expected[i];
        largest = difference <= largest ? largest : difference; /* what is not a number is large */
        size = absolute > size ? absolute : size;
    }
    return largest / size;
}

float {{ prefix }}_self_test(void)
{
    float largest = 0.0f;
    unsigned test;
    for (test = 0; test < {{ num_golden }}; test++) {
        const float *observation = golden_observations + test * {{ num_features }};
        float outputs[{{ num_outputs }}], difference;
{% if decision == "greatest" %}
        int32_t action;
{% else %}
        float action[{{ num_outputs }}];
{% endif %}
        {{ prefix }}_outputs(observation, outputs);
        difference = largest_difference(outputs, golden_outputs + test * {{ num_outputs }}, {{ num_outputs }});
        largest = difference <= largest ? largest : difference;
{% if decision == "greatest" %}
        {{ prefix }}_act(observation, &action);
        if (action != golden_actions[test] && golden_actions[test] >= 0) {
            return 1.0e9f;
        }
{% else %}
        {{ prefix }}_act(observation, action);
        difference = largest_difference(action, golden_actions + test * {{ num_outputs }}, {{ num_outputs }});
        largest = difference <= largest ? largest : difference;
{% endif %}
    }
    return largest;
}
#endif
