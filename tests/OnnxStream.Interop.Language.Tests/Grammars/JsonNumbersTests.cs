using System.Globalization;
using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>Numbers between bounds are those between bounds.</summary>
public class JsonNumbersTests
{
    private static readonly (int? Least, int? Most)[] s_whole =
        [(0, 9), (0, 10), (3, 3), (7, 123), (99, 101), (-5, 5), (-120, -7), (null, 42), (null, -13), (13, null), (-200, null), (null, null), (5, 4), (100, 999), (0, 0), (-1, 0)];

    private static readonly (string? Least, string? Most)[] s_bounds =
        [("0", "1"), ("0.25", "0.75"), ("1.5", "1.5"), ("-2.5", "3.25"), ("-1.75", "-0.5"), (null, "2.2"), ("9.99", null), ("0.1", "0.12"), ("1.2", "3"), ("2", "1"), ("-0.5", null), (null, "-10"), ("0", "0"), ("0.05", "10.5")];

    [TestCaseSource(nameof(s_whole))]
    public void WholeNumbersAreBetweenTheirBounds((int? Least, int? Most) bounds)
    {
        if (bounds.Most < bounds.Least)
        {
            Assert.That(() => Of(JsonNumbers.Whole(bounds.Least, bounds.Most)), Throws.TypeOf<GrammarException>());
            return;
        }

        Grammar grammar = Of(JsonNumbers.Whole(bounds.Least, bounds.Most));
        for (int i = -1200; i <= 1200; i++)
        {
            bool isBetween = !(i < bounds.Least) && !(i > bounds.Most);
            Assert.That(grammar.Matches(i.ToString(CultureInfo.InvariantCulture)), Is.EqualTo(isBetween), $"{i}");
        }

        Assert.That(new[] { "-0", "00", "01", "-", "", "1.0", "+1" }.Where(grammar.Matches), Is.Empty);
    }

    [Test]
    public void NumbersAreBetweenTheirBounds([ValueSource(nameof(s_bounds))] (string? Least, string? Most) bounds, [Values] bool isAbove, [Values] bool isBelow)
    {
        decimal? least = bounds.Least is null ? null : decimal.Parse(bounds.Least, CultureInfo.InvariantCulture);
        decimal? most = bounds.Most is null ? null : decimal.Parse(bounds.Most, CultureInfo.InvariantCulture);
        if (most < least || (most == least && (isAbove || isBelow)))
        {
            Assert.That(() => Of(JsonNumbers.Between(least, most, isAbove, isBelow)), Throws.TypeOf<GrammarException>());
            return;
        }

        Grammar grammar = Of(JsonNumbers.Between(least, most, isAbove, isBelow));
        for (int i = -12_000; i <= 12_000; i++)
        {
            foreach (string form in (string[])["0.###", "0.000", "0.0###"])
            {
                decimal number = i / 1000m;
                string text = number.ToString(form, CultureInfo.InvariantCulture);
                bool isBetween = (least is not { } low || (isAbove ? number > low : number >= low)) && (most is not { } high || (isBelow ? number < high : number <= high));
                Assert.That(grammar.Matches(text), Is.EqualTo(isBetween), text);
            }
        }

        Assert.That(new[] { "-0", "-0.0", "00.5", ".5", "1.", "-", "1e1" }.Where(grammar.Matches), Is.Empty);
    }

    private static Grammar Of(GrammarExpression expression) => new(AutomatonBuilder.Build(new Dictionary<string, GrammarExpression> { ["root"] = expression }, "root"));
}
