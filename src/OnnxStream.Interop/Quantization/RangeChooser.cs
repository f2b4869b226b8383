using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Quantization;

/// <summary>Finds the range that 8 bits are to cover in the numbers that a value had.</summary>
/// <remarks>Numbers of a bin are taken as spread evenly over it; those at the ends of the distribution as no farther out than the farthest that was seen.</remarks>
internal sealed class RangeChooser
{
    private const int Levels = 256;

    // Parts of the widest range that are tried, and how far ends are moved one by one after that.
    private const int Shrinkings = 64;
    private const int LeastShrinking = 4;
    private const int EndSteps = 8;

    // What bins without numbers count as where a logarithm is taken of their part.
    private const double Nothing = 1e-9;

    private readonly ValueHistogram _histogram;
    private readonly double[] _centers;
    private readonly double[] _counts;
    private readonly double _withinBins;

    /// <summary>Prepares a choice.</summary>
    /// <param name="histogram">The numbers, at least one of them finite.</param>
    public RangeChooser(ValueHistogram histogram)
    {
        _histogram = histogram;
        ReadOnlySpan<long> counts = histogram.Counts;
        List<double> centers = [];
        List<double> numbers = [];
        for (int bin = 0; bin < counts.Length; bin++)
        {
            if (counts[bin] > 0)
            {
                centers.Add(Math.Clamp(histogram.Edge(bin) + histogram.Width / 2, histogram.Minimum, histogram.Maximum));
                numbers.Add(counts[bin]);
            }
        }

        _centers = [.. centers];
        _counts = [.. numbers];
        _withinBins = histogram.Minimum == histogram.Maximum ? 0 : histogram.Width * histogram.Width / 12;
    }

    /// <summary>Chooses.</summary>
    /// <param name="method">How.</param>
    /// <param name="percentile">For <see cref="CalibrationMethod.Percentile"/>, the percentage of numbers that are not clipped: more than 50, at most 100.</param>
    /// <returns>The ends of the range.</returns>
    public (float Minimum, float Maximum) Choose(CalibrationMethod method, double percentile) => method switch
    {
        CalibrationMethod.Percentile => Percentile((1 - percentile / 100) / 2),
        CalibrationMethod.Entropy => Search(Divergence, movesEnds: false),
        CalibrationMethod.MeanSquaredError => Search((low, high) => Loss(low, high).Lost, movesEnds: true),
        _ => (_histogram.Minimum, _histogram.Maximum),
    };

    /// <summary>What rounding to 8 bits changes if they cover this range.</summary>
    public SquaredLoss Loss(double minimum, double maximum)
    {
        AffineScale scale = AffineScale.Of(minimum, maximum);
        double lost = 0;
        double whole = 0;
        for (int i = 0; i < _centers.Length; i++)
        {
            double difference = _centers[i] - scale.Round(_centers[i]);
            lost += _counts[i] * (difference * difference + _withinBins);
            whole += _counts[i] * (_centers[i] * _centers[i] + _withinBins);
        }

        return new SquaredLoss(lost, whole);
    }

    // The numbers below and above which this part of all lies.
    private (float, float) Percentile(double part)
    {
        double clipped = part * _histogram.Count;
        double low = Quantile(clipped);
        double high = Quantile(_histogram.Count - clipped);
        return low < high ? ((float)low, (float)high) : (_histogram.Minimum, _histogram.Maximum);
    }

    private double Quantile(double before)
    {
        ReadOnlySpan<long> counts = _histogram.Counts;
        double sum = 0;
        for (int bin = 0; bin < counts.Length; bin++)
        {
            if (counts[bin] > 0 && sum + counts[bin] >= before)
            {
                double inside = Math.Max(0, before - sum) / counts[bin];
                return Math.Clamp(_histogram.Edge(bin) + inside * _histogram.Width, _histogram.Minimum, _histogram.Maximum);
            }

            sum += counts[bin];
        }

        return _histogram.Maximum;
    }

    // Of ranges that are as good as each other, the widest.
    private (float, float) Search(Func<double, double, double> cost, bool movesEnds)
    {
        double low = Math.Min(_histogram.Minimum, 0);
        double high = Math.Max(_histogram.Maximum, 0);
        (double Low, double High, double Cost) best = (low, high, cost(low, high));
        for (int part = Shrinkings - 1; part >= LeastShrinking; part--)
        {
            Try(low * part / Shrinkings, high * part / Shrinkings);
        }

        for (int round = 0; movesEnds && round < 2; round++)
        {
            (double center, double other) = (best.Low, best.High);
            for (int step = -EndSteps; step <= EndSteps; step++)
            {
                Try(Math.Max(low, center * (1 + step / (2.0 * EndSteps) / (round + 1))), other);
            }

            (other, center) = (best.Low, best.High);
            for (int step = -EndSteps; step <= EndSteps; step++)
            {
                Try(other, Math.Min(high, center * (1 + step / (2.0 * EndSteps) / (round + 1))));
            }
        }

        return ((float)best.Low, (float)best.High);

        void Try(double from, double to)
        {
            if (cost(from, to) is var tried && tried < best.Cost)
            {
                best = (from, to, tried);
            }
        }
    }

    // How much less the distribution of the integers says than that of the numbers. What is clipped is part of what the ends of the range stand for, but not of what the integers say of them.
    private double Divergence(double low, double high)
    {
        AffineScale scale = AffineScale.Of(low, high);
        double[] inside = new double[Levels];
        int[] bins = new int[Levels];
        double[] clipped = new double[Levels];
        for (int i = 0; i < _centers.Length; i++)
        {
            int level = scale.Quantize(_centers[i]);
            if (_centers[i] < low || _centers[i] > high)
            {
                clipped[level] += _counts[i];
            }
            else
            {
                inside[level] += _counts[i];
                bins[level]++;
            }
        }

        double all = inside.Sum();
        if (all == 0)
        {
            return double.PositiveInfinity;
        }

        double divergence = 0;
        for (int i = 0; i < _centers.Length; i++)
        {
            if (_centers[i] < low || _centers[i] > high)
            {
                continue;
            }

            // Clipped numbers lie at the last bin of their side: their level is that of an end.
            int level = scale.Quantize(_centers[i]);
            bool isEnd = clipped[level] > 0 && (i == 0 || _centers[i - 1] < low || i == _centers.Length - 1 || _centers[i + 1] > high);
            double part = (_counts[i] + (isEnd ? clipped[level] : 0)) / _histogram.Count;
            double said = inside[level] / bins[level] / all;
            divergence += part * Math.Log(part / Math.Max(said, Nothing));
        }

        return divergence;
    }
}
