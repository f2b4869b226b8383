namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>Integrals that multistep methods are made of.</summary>
internal static class Integrals
{
    // Gauss and Legendre's quadrature with 8 points on [-1, 1] (Abramowitz and Stegun, table 25.4): the positive places and their weights.
    private static readonly (double Place, double Weight)[] Points =
    [
        (0.183434642495649804939, 0.362683783378361982965), (0.525532409916328985818, 0.313706645877887287338),
        (0.796666477413626739592, 0.222381034453374470544), (0.960289856497536231684, 0.101228536290376259153),
    ];

    /// <summary>For each place the integral of the polynomial that is 1 there and 0 at the others, times a function.</summary>
    /// <param name="places">The places.</param>
    /// <param name="from">Where the integral begins.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="function">The function.</param>
    public static double[] OfPolynomials(ReadOnlySpan<double> places, double from, double to, Func<double, double> function)
    {
        double[] integrals = new double[places.Length];
        double middle = (from + to) / 2, half = (to - from) / 2;
        foreach ((double place, double weight) in Points)
        {
            for (int sign = -1; sign <= 1; sign += 2)
            {
                double x = middle + (sign * half * place), value = weight * half * function(x);
                for (int j = 0; j < places.Length; j++)
                {
                    double basis = value;
                    for (int k = 0; k < places.Length; k++)
                    {
                        basis *= k == j ? 1 : (x - places[k]) / (places[j] - places[k]);
                    }

                    integrals[j] += basis;
                }
            }
        }

        return integrals;
    }
}
