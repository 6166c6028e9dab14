/* Eight rows at a time, {{ kernel.told }}. */
static void {{ kernel.name }}(const {{ weight }} *weights, const {{ kernel.integer }} *indices, const {{ length }} *lengths,
{{ " " * (13 + kernel.name | length) }}const float *biases, {% if scaled %}const float *scales, {% endif %}unsigned num_slices,
{% if kernel.indexing == "narrow" %}
{{ " " * (13 + kernel.name | length) }}unsigned num_inputs, const float *x, float *y)
{
#if defined(LANES_AVX512)
    const __m512 low = _mm512_maskz_loadu_ps(num_inputs < 16 ? (__mmask16)((1u << num_inputs) - 1u) : ALL, x);
    const __m512 high = _mm512_maskz_loadu_ps(
        num_inputs > 16 ? (__mmask16)(0xffffu >> (32u - num_inputs)) : (__mmask16)0, num_inputs > 16 ? x + 16 : x);
#else
    (void)num_inputs;
#endif
{% else %}
{{ " " * (13 + kernel.name | length) }}const float *x, float *y)
{
{% endif %}
{% if kernel.activation == "relu" %}
#if !defined(LANES_AVX2) && !defined(LANES_NEON)
    const float zero = hidden_zero();
#endif
{% endif %}
    for (; num_slices > 0; num_slices--) {
        unsigned length = *lengths++;
#if defined(LANES_AVX2) || defined(LANES_NEON)
        lanes sum = lanes_zero();
{% if kernel.indexing == "narrow" %}
#if defined(LANES_AVX512)
        __m512 pairs = _mm512_setzero_ps();
        for (; length > 1; length -= 2) {
            const __m512i at = _mm512_maskz_cvtepu8_epi32(ALL, _mm_loadu_si128((const __m128i *)indices));
            pairs = _mm512_fmadd_ps(pairs_of_weights(weights), _mm512_permutex2var_ps(low, at, high), pairs);
            weights += 16;
            indices += 16;
        }
        sum = sum_of_pairs(pairs);
#endif
{% elif kernel.indexing == "delta" %}
        uint32_t at[8] = {0, 0, 0, 0, 0, 0, 0, 0};
{% endif %}
        for (; length > 0; length--) {
{% if kernel.indexing == "delta" %}
            unsigned lane;
            for (lane = 0; lane < 8; lane++) {
                at[lane] += indices[lane];
            }
            sum = lanes_add_product(sum, lanes_of_weights(weights), lanes_at_uint32_t(x, at));
{% else %}
            sum = lanes_add_product(sum, lanes_of_weights(weights), lanes_at_{{ kernel.integer }}(x, indices));
{% endif %}
            weights += 8;
            indices += 8;
        }
{% if scaled %}
        sum = lanes_add_product(lanes_load(biases), lanes_load(scales), sum);
{% else %}
        sum = lanes_add(lanes_load(biases), sum);
{% endif %}
{% if kernel.activation == "relu" %}
        sum = lanes_larger_of_zero_and(sum);
{% elif kernel.activation == "tanh" %}
        sum = lanes_hyperbolic_tangent(sum);
{% endif %}
        lanes_store(y, sum);
#else
{% if kernel.indexing == "delta" %}
        /* Four rows and then the other four, as eight places to be at are more than many processors have registers for. */
        unsigned row;
        for (row = 0; row < 8; row += 4) {
            const {{ weight }} *weight = weights + row;
            const uint8_t *step = indices + row;
            const float {% for lane in range(4) %}*x{{ lane }} = x{{ ", " if not loop.last }}{% endfor %};
            float {% for lane in range(4) %}sum{{ lane }} = {% if scaled %}0.0f{% else %}biases[row + {{ lane }}]{% endif %}{{ ", " if not loop.last }}{% endfor %};
            unsigned remaining;
            for (remaining = length; remaining > 0; remaining--) {
{% for lane in range(4) %}
                x{{ lane }} += step[{{ lane }}];
                sum{{ lane }} += {{ cast }}weight[{{ lane }}] * *x{{ lane }};
{% endfor %}
                weight += 8;
                step += 8;
            }
{% for lane in range(4) %}
            y[row + {{ lane }}] = {{ activated(kernel.activation, ("biases[row + %d] + scales[row + %d] * sum%d" if scaled else "sum%d") | replace("%d", lane)) }};
{% endfor %}
        }
        weights += 8 * length;
        indices += 8 * length;
{% else %}
{% for lane in range(8) %}
        float sum{{ lane }} = {% if scaled %}0.0f{% else %}biases[{{ lane }}]{% endif %};
{% endfor %}
        for (; length > 0; length--) {
{% for lane in range(8) %}
            sum{{ lane }} += {{ cast }}weights[{{ lane }}] * x[indices[{{ lane }}]];
{% endfor %}
            weights += 8;
            indices += 8;
        }
{% for lane in range(8) %}
        y[{{ lane }}] = {{ activated(kernel.activation, ("biases[%d] + scales[%d] * sum%d" if scaled else "sum%d") | replace("%d", lane)) }};
{% endfor %}
{% endif %}
#endif
        biases += 8;
{% if scaled %}
        scales += 8;
{% endif %}
        y += 8;
    }
}
