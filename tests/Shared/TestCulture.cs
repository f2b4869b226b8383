using System.Globalization;

/// <summary>Runs all tests of an assembly under the culture that the environment variable <c>ONNXSTREAM_TEST_CULTURE</c> names. In no namespace: NUnit then means the whole assembly.</summary>
/// <remarks>
/// Signs and digits of the cultures stand here, so that no data of the operating system is needed: the tests run where
/// .NET knows no culture but the invariant one.
/// </remarks>
[SetUpFixture]
internal sealed class TestCulture
{
    /// <summary>The environment variable.</summary>
    public const string Variable = "ONNXSTREAM_TEST_CULTURE";

    private static readonly Dictionary<string, NumberFormatInfo> s_formats = new()
    {
        ["de-DE"] = Format(",", ".", "-", "+", "NaN", "∞"),
        ["fr-FR"] = Format(",", "\u202f", "-", "+", "NaN", "∞"),
        ["sv-SE"] = Format(",", "\u00a0", "\u2212", "+", "¤¤¤", "∞"),
        ["ar-SA"] = Format("\u066b", "\u066c", "\u061c-", "\u061c+", "ليس رقم", "∞", "٠١٢٣٤٥٦٧٨٩"),
        ["fa-IR"] = Format("\u066b", "\u066c", "\u200e\u2212", "\u200e+", "ناعدد", "∞", "۰۱۲۳۴۵۶۷۸۹"),
        ["tr-TR"] = Format(",", ".", "-", "+", "NaN", "∞"),
    };

    private CultureInfo? _current;
    private CultureInfo? _default;

    /// <summary>The names that <see cref="Of"/> knows.</summary>
    public static IEnumerable<string> Names => s_formats.Keys;

    /// <summary>A culture that writes numbers as this one does.</summary>
    public static CultureInfo Of(string name)
    {
        CultureInfo culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat = s_formats.GetValueOrDefault(name) ?? throw new ArgumentException($"{Variable} is '{name}'; known are {string.Join(", ", s_formats.Keys)}.");
        return culture;
    }

    /// <summary>Does something under a culture.</summary>
    public static T Under<T>(string name, Func<T> work)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = Of(name);
        try
        {
            return work();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [OneTimeSetUp]
    public void Enter()
    {
        (_current, _default) = (CultureInfo.CurrentCulture, CultureInfo.DefaultThreadCurrentCulture);
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } name)
        {
            CultureInfo.CurrentCulture = Of(name);
            CultureInfo.DefaultThreadCurrentCulture = Of(name);
        }
    }

    [OneTimeTearDown]
    public void Leave() => (CultureInfo.CurrentCulture, CultureInfo.DefaultThreadCurrentCulture) = (_current!, _default);

    private static NumberFormatInfo Format(string decimalSeparator, string groupSeparator, string negativeSign, string positiveSign, string nan, string infinity, string digits = "0123456789") => new()
    {
        NumberDecimalSeparator = decimalSeparator,
        PercentDecimalSeparator = decimalSeparator,
        CurrencyDecimalSeparator = decimalSeparator,
        NumberGroupSeparator = groupSeparator,
        PercentGroupSeparator = groupSeparator,
        CurrencyGroupSeparator = groupSeparator,
        NegativeSign = negativeSign,
        PositiveSign = positiveSign,
        NaNSymbol = nan,
        PositiveInfinitySymbol = infinity,
        NegativeInfinitySymbol = negativeSign + infinity,
        NativeDigits = [.. digits.Select(digit => digit.ToString())],
        DigitSubstitution = DigitShapes.NativeNational,
    };
}
