namespace OnnxStream.Interop.Kernels;

/// <summary>The error function, to double precision.</summary>
internal static class ErrorFunction
{
    /// <summary>2/sqrt(pi) times the integral of exp(-t²) from 0 to <paramref name="x"/>; relative error below 1e-13.</summary>
    /// <remarks>
    /// The Maclaurin series near 0, a continued fraction for the complement further out (Abramowitz and Stegun, 7.1.6 and 7.1.14).
    /// </remarks>
    public static double Erf(double x)
    {
        double a = Math.Abs(x);
        if (double.IsNaN(x))
        {
            return x;
        }

        if (a > 6)
        {
            return Math.Sign(x);
        }

        double result;
        if (a < 2.5)
        {
            double term = a;
            double sum = a;
            for (int n = 1; term > sum * 1e-17 && n < 200; n++)
            {
                term *= 2 * a * a / (2 * n + 1);
                sum += term;
            }

            result = 2 / Math.Sqrt(Math.PI) * Math.Exp(-a * a) * sum;
        }
        else
        {
            double fraction = 0;
            for (int n = 60; n >= 1; n--)
            {
                fraction = n / 2.0 / (a + fraction);
            }

            result = 1 - Math.Exp(-a * a) / (Math.Sqrt(Math.PI) * (a + fraction));
        }

        return x < 0 ? -result : result;
    }
}
