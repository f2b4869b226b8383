using System.Globalization;
using System.Numerics;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Numbers between two bounds, digit by digit.</summary>
internal static class JsonNumbers
{
    /// <summary>Whole numbers.</summary>
    /// <param name="least">The smallest one; null for none.</param>
    /// <param name="most">The largest one; null for none.</param>
    public static GrammarExpression Whole(BigInteger? least, BigInteger? most)
    {
        List<GrammarExpression> ways = [];
        if (least is null || least < 0)
        {
            BigInteger? smallest = most < 0 ? -most : BigInteger.One;
            ways.Add(GrammarExpression.All(GrammarExpression.Text("-"), NotNegative(smallest.Value, -least)));
        }

        if (most is null || most >= 0)
        {
            ways.Add(NotNegative(least > 0 ? least.Value : BigInteger.Zero, most));
        }

        return GrammarExpression.Any([.. ways]);
    }

    /// <summary>Numbers with or without a point.</summary>
    /// <param name="least">The bound below; null for none.</param>
    /// <param name="most">The bound above; null for none.</param>
    /// <param name="isAbove">Whether they are larger than the bound below, and not equal.</param>
    /// <param name="isBelow">Whether they are smaller than the bound above, and not equal.</param>
    public static GrammarExpression Between(decimal? least, decimal? most, bool isAbove, bool isBelow)
    {
        List<GrammarExpression> ways = [];
        if (least is null || least < 0)
        {
            // Zero has no sign here.
            bool endsBelowZero = most < 0;
            ways.Add(GrammarExpression.All(
                GrammarExpression.Text("-"), NotNegative(new Bound(endsBelowZero ? -most!.Value : 0, !endsBelowZero || isBelow), least is { } low ? new Bound(-low, isAbove) : null)));
        }

        if (most is null || most >= 0)
        {
            ways.Add(NotNegative(least >= 0 ? new Bound(least.Value, isAbove) : new Bound(0, false), most is { } high ? new Bound(high, isBelow) : null));
        }

        return GrammarExpression.Any([.. ways]);
    }

    private static GrammarExpression NotNegative(BigInteger least, BigInteger? most)
    {
        string from = least.ToString(CultureInfo.InvariantCulture);
        string to = most is { } bound ? bound.ToString(CultureInfo.InvariantCulture) : new string('9', Math.Max(JsonTexts.MostDigits, from.Length));
        if (most < least)
        {
            return GrammarExpression.Nothing;
        }

        List<GrammarExpression> ways = [];
        for (int length = from.Length; length <= to.Length; length++)
        {
            // No number but zero begins with 0.
            string low = length == from.Length ? from : $"1{new string('0', length - 1)}";
            string high = length == to.Length ? to : new string('9', length);
            ways.Add(OfLength(low, high));
        }

        return GrammarExpression.Any([.. ways]);
    }

    // Numbers of as many digits as both bounds have.
    private static GrammarExpression OfLength(string low, string high)
    {
        if (low.Length == 0)
        {
            return GrammarExpression.Empty;
        }

        if (low.All(digit => digit == '0') && high.All(digit => digit == '9'))
        {
            return GrammarExpression.Digits(low.Length, low.Length);
        }

        if (low[0] == high[0])
        {
            return GrammarExpression.All(GrammarExpression.Text(low[..1]), OfLength(low[1..], high[1..]));
        }

        string zeros = new('0', low.Length - 1);
        string nines = new('9', low.Length - 1);
        List<GrammarExpression> ways =
        [
            GrammarExpression.All(GrammarExpression.Text(low[..1]), OfLength(low[1..], nines)),
            GrammarExpression.All(GrammarExpression.Text(high[..1]), OfLength(zeros, high[1..])),
        ];
        if (low[0] + 1 < high[0])
        {
            ways.Add(GrammarExpression.All(GrammarExpression.Range(low[0] + 1, high[0] - 1), GrammarExpression.Digits(zeros.Length, zeros.Length)));
        }

        return GrammarExpression.Any([.. ways]);
    }

    private static GrammarExpression NotNegative(Bound least, Bound? most)
    {
        if (most is not { } high)
        {
            return GrammarExpression.Any(
                Fixed(least.Whole, least, null),
                GrammarExpression.All(NotNegative(least.Whole + 1, null), GrammarExpression.Optional(Point(AnyDigits(1)))));
        }

        if (high.Value < least.Value || high.Whole < least.Whole)
        {
            return GrammarExpression.Nothing;
        }

        return high.Whole == least.Whole
            ? Fixed(least.Whole, least, most)
            : GrammarExpression.Any(
                Fixed(least.Whole, least, null),
                GrammarExpression.All(NotNegative(least.Whole + 1, high.Whole - 1), GrammarExpression.Optional(Point(AnyDigits(1)))),
                Fixed(high.Whole, null, high));
    }

    // Numbers with a certain whole part: what is behind the point decides.
    private static GrammarExpression Fixed(BigInteger whole, Bound? least, Bound? most)
    {
        List<GrammarExpression> ways = [Point(Behind(0, least, most, isEndAllowed: false))];
        if (MayEnd(0, least, most))
        {
            ways.Add(GrammarExpression.Empty);
        }

        return GrammarExpression.All(GrammarExpression.Text(whole.ToString(CultureInfo.InvariantCulture)), GrammarExpression.Any([.. ways]));
    }

    private static GrammarExpression Point(GrammarExpression digits) => GrammarExpression.All(GrammarExpression.Text("."), digits);

    private static GrammarExpression AnyDigits(int least) => GrammarExpression.Digits(least, JsonTexts.MostDigits);

    // Whether a number is between the bounds whose digits behind the point have been theirs up to a place, and are 0 from there.
    private static bool MayEnd(int place, Bound? least, Bound? most) =>
        (least is not { } low || (low.IsZeroFrom(place) && !low.IsOpen)) && (most is not { } high || !high.IsOpen || !high.IsZeroFrom(place));

    // The digits from a place on, where those before were the bounds'.
    private static GrammarExpression Behind(int place, Bound? least, Bound? most, bool isEndAllowed)
    {
        List<GrammarExpression> ways = [];
        if (isEndAllowed && MayEnd(place, least, most))
        {
            ways.Add(GrammarExpression.Empty);
        }

        if (least is null && most is null)
        {
            return AnyDigits(isEndAllowed ? 0 : 1);
        }

        bool isBehind = (least is not { } l || place >= l.Fraction.Length) && (most is not { } m || place >= m.Fraction.Length);
        if (isBehind)
        {
            // All digits of both are known: below lies a number that is not smaller than zeros, above none but them.
            if (most is null)
            {
                ways.Add(least!.Value.IsOpen
                    ? GrammarExpression.All(new GrammarExpression.Repetition(GrammarExpression.Text("0"), 0, JsonTexts.MostDigits), GrammarExpression.Range('1', '9'), AnyDigits(0))
                    : AnyDigits(isEndAllowed ? 0 : 1));
            }
            else if (MayEnd(place, least, most))
            {
                ways.Add(new GrammarExpression.Repetition(GrammarExpression.Text("0"), 1, JsonTexts.MostDigits));
            }

            return GrammarExpression.Any([.. ways]);
        }

        char first = least?.Digit(place) ?? '0';
        char last = most?.Digit(place) ?? '9';
        if (first > last)
        {
            return GrammarExpression.Any([.. ways]);
        }

        if (least is not null && most is not null && first == last)
        {
            ways.Add(GrammarExpression.All(GrammarExpression.Range(first, first), Behind(place + 1, least, most, isEndAllowed: true)));
            return GrammarExpression.Any([.. ways]);
        }

        int from = first;
        int to = last;
        if (least is not null)
        {
            ways.Add(GrammarExpression.All(GrammarExpression.Range(first, first), Behind(place + 1, least, null, isEndAllowed: true)));
            from++;
        }

        if (most is not null)
        {
            ways.Add(GrammarExpression.All(GrammarExpression.Range(last, last), Behind(place + 1, null, most, isEndAllowed: true)));
            to--;
        }

        if (from <= to)
        {
            ways.Add(GrammarExpression.All(GrammarExpression.Range(from, to), AnyDigits(0)));
        }

        return GrammarExpression.Any([.. ways]);
    }

    // A bound that is not negative, digit by digit; an open one is not reached.
    private readonly record struct Bound(decimal Value, bool IsOpen)
    {
        public BigInteger Whole => new(decimal.Truncate(Value));

        public string Fraction => Value.ToString(CultureInfo.InvariantCulture).Split('.') is [_, var digits] ? digits.TrimEnd('0') : "";

        public char Digit(int place) => place < Fraction.Length ? Fraction[place] : '0';

        public bool IsZeroFrom(int place) => place >= Fraction.Length;
    }
}
