namespace OnnxStream.Interop.Kernels;

/// <summary>An activation of a recurrent layer, by ONNX's names, with its parameters.</summary>
/// <param name="Name">The name in lower case.</param>
/// <param name="Alpha">The first parameter, where the function has one.</param>
/// <param name="Beta">The second.</param>
internal readonly record struct RecurrentActivation(string Name, double Alpha, double Beta)
{
    private static readonly Dictionary<string, (double? Alpha, double? Beta)> s_defaults = new()
    {
        ["affine"] = (1, 0),
        ["elu"] = (1, null),
        ["hardsigmoid"] = (0.2f, 0.5f),
        ["leakyrelu"] = (0.01f, null),
        ["relu"] = (null, null),
        ["scaledtanh"] = (1, 1),
        ["sigmoid"] = (null, null),
        ["softplus"] = (null, null),
        ["softsign"] = (null, null),
        ["tanh"] = (null, null),
        ["thresholdedrelu"] = (1, null),
    };

    /// <summary>The activations of these names; parameters are taken by the functions that have some, in order.</summary>
    /// <param name="names">The names, in any case.</param>
    /// <param name="alphas">First parameters; where they end, defaults follow.</param>
    /// <param name="betas">Second parameters.</param>
    /// <returns>The activations; null if a name is unknown.</returns>
    public static RecurrentActivation[]? Parse(IEnumerable<string> names, float[]? alphas, float[]? betas)
    {
        List<RecurrentActivation> activations = [];
        int alpha = 0;
        int beta = 0;
        foreach (string name in names)
        {
            if (!s_defaults.TryGetValue(name.ToLowerInvariant(), out (double? Alpha, double? Beta) defaults))
            {
                return null;
            }

            activations.Add(new RecurrentActivation(
                name.ToLowerInvariant(),
                defaults.Alpha is null ? 0 : alpha < alphas?.Length ? alphas[alpha++] : defaults.Alpha.Value,
                defaults.Beta is null ? 0 : beta < betas?.Length ? betas[beta++] : defaults.Beta.Value));
        }

        return [.. activations];
    }

    /// <summary>The function.</summary>
    public double Invoke(double x) => Name switch
    {
        "affine" => Alpha * x + Beta,
        "elu" => x >= 0 ? x : Alpha * (Math.Exp(x) - 1),
        "hardsigmoid" => Math.Clamp(Alpha * x + Beta, 0, 1),
        "leakyrelu" => x >= 0 ? x : Alpha * x,
        "relu" => Math.Max(x, 0),
        "scaledtanh" => Alpha * Math.Tanh(Beta * x),
        "sigmoid" => 1 / (1 + Math.Exp(-x)),
        "softplus" => x > 0 ? x + Math.Log(1 + Math.Exp(-x)) : Math.Log(1 + Math.Exp(x)),
        "softsign" => x / (1 + Math.Abs(x)),
        "tanh" => Math.Tanh(x),
        _ => x >= Alpha ? x : 0,
    };
}
