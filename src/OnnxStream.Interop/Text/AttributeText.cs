using System.Globalization;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Text;

/// <summary>Values of attributes as <c>model.txt</c> spells them: integers in digits, other numbers as Python prints them, lists with commas, texts as they are.</summary>
/// <remarks>
/// The format does not say of which kind a value is. The kinds of ONNX's attributes follow from their names, where the spelling
/// leaves it open: <c>2</c> is a list of one element for <c>axes</c>, a real number for <c>alpha</c>, and an integer otherwise.
/// </remarks>
internal static class AttributeText
{
    private static readonly HashSet<string> s_lists =
    [
        "axes", "dilations", "ends", "kernel_shape", "output_padding", "output_shape", "pads", "perm", "shape", "split", "starts", "steps", "strides", "value_ints",
    ];

    private static readonly HashSet<string> s_realLists = ["activation_alpha", "activation_beta", "scales", "value_floats"];

    private static readonly HashSet<string> s_reals =
    [
        "alpha", "beta", "bias", "clip", "cubic_coeff_a", "epsilon", "extrapolation_value", "gamma", "high", "lambd", "low", "max", "mean",
        "min", "momentum", "ratio", "scale", "seed", "softcap", "spatial_scale", "threshold", "value_float",
    ];

    private static readonly HashSet<string> s_texts =
    [
        "approximate", "auto_pad", "coordinate_transformation_mode", "direction", "equation", "keep_aspect_ratio_policy", "mode", "nearest_mode", "padding_mode", "reduction",
    ];

    /// <summary>The value that a spelling stands for, as a node's attributes hold it.</summary>
    /// <param name="operatorType">The operator.</param>
    /// <param name="key">The name of the attribute.</param>
    /// <param name="text">The spelling.</param>
    /// <returns>Null if the kind of the attribute is known and the spelling is of another one.</returns>
    public static object? Parse(string operatorType, string key, string text)
    {
        if (operatorType is "ConstantOfShape" or "Constant" && key == "value")
        {
            return ParseTensor(text);
        }

        if (s_texts.Contains(key))
        {
            return text;
        }

        if (s_lists.Contains(key))
        {
            return ParseIntegers(text);
        }

        if (s_realLists.Contains(key))
        {
            return ParseReals(text);
        }

        if (s_reals.Contains(key))
        {
            return TryParseReal(text, out float real) ? real : null;
        }

        if (text.Contains(',', StringComparison.Ordinal))
        {
            return ParseIntegers(text) ?? ParseReals(text) ?? (object)text;
        }

        return TryParseInteger(text, out long integer) ? integer : TryParseReal(text, out float number) ? number : text;
    }

    /// <summary>What was expected of a spelling that <see cref="Parse"/> refuses.</summary>
    public static string Expected(string operatorType, string key) =>
        s_lists.Contains(key) ? "integers separated by commas" :
        s_realLists.Contains(key) ? "numbers separated by commas" :
        operatorType == "ConstantOfShape" ? "a number, True or False" : "a number";

    /// <summary>The spelling of a value, or null if there is none that is read as the same value.</summary>
    public static string? Format(string operatorType, string key, object value)
    {
        string? text = value switch
        {
            long integer => integer.ToString(CultureInfo.InvariantCulture),
            float real => Format(real),
            string plain when !plain.AsSpan().ContainsAny("*;:\r\n") => plain,
            long[] integers => Listing.Of(integers),
            float[] reals => string.Join(',', reals.Select(Format)),
            Constant { Data: { } data, Type: { ElementType: ElementType.Int64, Shape.ElementCount: 1 } } => BitConverter.ToInt64(data).ToString(CultureInfo.InvariantCulture),
            Constant { Data: { } data, Type: { ElementType: ElementType.Float32, Shape.ElementCount: 1 } } => Format(BitConverter.ToSingle(data)),
            Constant { Data: { } data, Type: { ElementType: ElementType.Bool, Shape.ElementCount: 1 } } => data[0] != 0 ? "True" : "False",
            _ => null,
        };
        return text is not null && Parse(operatorType, key, text) is { } same && AreEqual(value, same) ? text : null;
    }

    private static bool AreEqual(object left, object right) => (left, right) switch
    {
        (long[] a, long[] b) => a.AsSpan().SequenceEqual(b),
        (float[] a, float[] b) => a.AsSpan().SequenceEqual(b),
        (Constant a, Constant b) => a.Type.ElementType == b.Type.ElementType && a.Data.AsSpan().SequenceEqual(b.Data),
        _ => left.Equals(right),
    };

    private static Constant? ParseTensor(string text)
    {
        (ElementType type, byte[] data) =
            text is "True" or "False" ? (ElementType.Bool, [(byte)(text == "True" ? 1 : 0)]) :
            TryParseInteger(text, out long integer) ? (ElementType.Int64, BitConverter.GetBytes(integer)) :
            TryParseReal(text, out float real) ? (ElementType.Float32, BitConverter.GetBytes(real)) :
            (ElementType.Undefined, []);
        return type == ElementType.Undefined ? null : Constant.FromData(new TensorType(type, new Shape(1)), data);
    }

    private static long[]? ParseIntegers(string text)
    {
        if (text.Length == 0)
        {
            return [];
        }

        string[] parts = text.Split(',');
        long[] values = new long[parts.Length];
        for (int i = 0; i < values.Length; i++)
        {
            if (!TryParseInteger(parts[i], out values[i]))
            {
                return null;
            }
        }

        return values;
    }

    private static float[]? ParseReals(string text)
    {
        if (text.Length == 0)
        {
            return [];
        }

        string[] parts = text.Split(',');
        float[] values = new float[parts.Length];
        for (int i = 0; i < values.Length; i++)
        {
            if (!TryParseReal(parts[i], out values[i]))
            {
                return null;
            }
        }

        return values;
    }

    private static bool TryParseInteger(string text, out long value) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    private static bool TryParseReal(string text, out float value)
    {
        switch (text)
        {
            case "inf":
                value = float.PositiveInfinity;
                return true;
            case "-inf":
                value = float.NegativeInfinity;
                return true;
            case "nan":
                value = float.NaN;
                return true;
        }

        // Through double precision, which is what is printed: no digit is rounded twice.
        bool parsed = double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double number);
        value = (float)number;
        return parsed;
    }

    // As Python prints a single widened to a double.
    private static string Format(float value)
    {
        if (!float.IsFinite(value))
        {
            return float.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        string text = ((double)value).ToString("R", CultureInfo.InvariantCulture).Replace('E', 'e');
        return text.AsSpan().ContainsAny(".e") ? text : $"{text}.0";
    }
}
