namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>The beta distribution, which has no place in .NET.</summary>
internal static class BetaDistribution
{
    /// <summary>Below which number a part of the distribution lies, to about 1e-13.</summary>
    /// <param name="probability">The part, from 0 to 1.</param>
    /// <param name="alpha">The first shape, above 0.</param>
    /// <param name="beta">The second shape, above 0.</param>
    public static double Quantile(double probability, double alpha, double beta)
    {
        if (probability <= 0 || probability >= 1)
        {
            return probability <= 0 ? 0 : 1;
        }

        double low = 0, high = 1;
        for (int i = 0; i < 200 && low < high; i++)
        {
            double middle = (low + high) / 2;
            if (middle <= low || middle >= high)
            {
                break;
            }

            (low, high) = Cumulative(middle, alpha, beta) < probability ? (middle, high) : (low, middle);
        }

        return (low + high) / 2;
    }

    /// <summary>The part of the distribution below a number: the regularized incomplete beta function, by its continued fraction (Abramowitz and Stegun, 26.5.8).</summary>
    public static double Cumulative(double x, double alpha, double beta)
    {
        if (x <= 0 || x >= 1)
        {
            return x <= 0 ? 0 : 1;
        }

        // The fraction converges quickly on the smaller side only.
        if (x > (alpha + 1) / (alpha + beta + 2))
        {
            return 1 - Cumulative(1 - x, beta, alpha);
        }

        double factor = Math.Exp((alpha * Math.Log(x)) + (beta * Math.Log(1 - x)) + LogGamma(alpha + beta) - LogGamma(alpha) - LogGamma(beta)) / alpha;
        return factor * Fraction(x, alpha, beta);
    }

    // Lentz's method.
    private static double Fraction(double x, double alpha, double beta)
    {
        const double Tiny = 1e-300;
        const int MostTerms = 500;
        double c = 1, d = 1 / NotZero(1 - ((alpha + beta) * x / (alpha + 1))), value = d;
        for (int m = 1; m <= MostTerms; m++)
        {
            double even = m * (beta - m) * x / ((alpha + (2 * m) - 1) * (alpha + (2 * m)));
            d = 1 / NotZero(1 + (even * d));
            c = NotZero(1 + (even / c));
            value *= d * c;
            double odd = -(alpha + m) * (alpha + beta + m) * x / ((alpha + (2 * m)) * (alpha + (2 * m) + 1));
            d = 1 / NotZero(1 + (odd * d));
            c = NotZero(1 + (odd / c));
            double change = d * c;
            value *= change;
            if (Math.Abs(change - 1) < 1e-16)
            {
                break;
            }
        }

        return value;

        static double NotZero(double number) => Math.Abs(number) < Tiny ? Tiny : number;
    }

    // Stirling's series far from zero, and the recurrence down to the argument.
    private static double LogGamma(double x)
    {
        double shift = 0;
        for (; x < 20; x++)
        {
            shift += Math.Log(x);
        }

        double inverse = 1 / x, square = inverse * inverse;
        return ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2 * Math.PI)) - shift
            + (inverse * ((1.0 / 12) - (square * ((1.0 / 360) - (square * ((1.0 / 1260) - (square * (1.0 / 1680))))))));
    }
}
