/* One row after another, {{ kernel.told }}. */
static void {{ kernel.name }}(const {{ weight }} *weights, const {{ kernel.integer }} *indices, const {{ length }} *lengths,
{{ " " * (13 + kernel.name | length) }}const float *biases, {% if scaled %}const float *scales, {% endif %}unsigned num_rows,
{{ " " * (13 + kernel.name | length) }}const float *x, float *y)
{
{% if kernel.activation == "relu" %}
    const float zero = hidden_zero();
{% endif %}
    for (; num_rows > 0; num_rows--) {
        unsigned length = *lengths++;
        float sum0 = 0.0f, sum1 = 0.0f, sum2 = 0.0f, sum3 = 0.0f;
{% if kernel.indexing == "delta" %}
        const float *at = x;
{% endif %}
        for (; length >= 4; length -= 4) {
{% for lane in range(4) %}
{% if kernel.indexing == "delta" %}
            at += indices[{{ lane }}];
            sum{{ lane }} += {{ cast }}weights[{{ lane }}] * *at;
{% else %}
            sum{{ lane }} += {{ cast }}weights[{{ lane }}] * x[indices[{{ lane }}]];
{% endif %}
{% endfor %}
            weights += 4;
            indices += 4;
        }
        for (; length > 0; length--) {
{% if kernel.indexing == "delta" %}
            at += *indices++;
            sum0 += {{ cast }}*weights++ * *at;
{% else %}
            sum0 += {{ cast }}*weights++ * x[*indices++];
{% endif %}
        }
        sum0 = {% if not scaled %}*biases++ + ({% endif %}(sum0 + sum1) + (sum2 + sum3){{ ')' if not scaled }};
{% if scaled %}
        sum0 = *biases++ + *scales++ * sum0;
{% endif %}
        *y++ = {{ activated(kernel.activation, "sum0") }};
    }
}
