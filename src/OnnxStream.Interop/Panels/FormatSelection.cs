namespace OnnxStream.Interop.Panels;

/// <summary>Chooses a format for each layer, such that the panels have few bytes and the error of a network's outputs stays below a target.</summary>
/// <remarks>
/// <para>
/// Errors that have nothing to do with one another add as squares. What a layer adds to the square of the outputs' error is its own loss, which is known for each
/// format, times a gain, which depends on where the layer stands and is not known. All layers in one format give the mean of the gains. Then layers are
/// divided: the half of a group in that format, all others exact, tells what the half adds, and what is left is the other half's; the group that adds most is
/// divided next. Halves are told apart by their loss and by their place in turn: layers of one kind, and neighbours, have gains that are alike.
/// </para>
/// <para>
/// With gains, the choice is a knapsack: from the smallest panels on, the move that takes most error away for a byte comes first. The choice is then measured,
/// and made again with errors that are as much larger or smaller as it turned out.
/// </para>
/// <para>Everything follows from what is measured, in an order that is always the same.</para>
/// </remarks>
internal sealed class FormatSelection
{
    // What is divided by is not less.
    private const double Smallest = 1e-300;

    // What a choice that is not a number counts as: more than any that is.
    private const double Hopeless = 1e6;

    // What is left for the other half of a group is a small difference of measured numbers: it is at least that part of what its losses say.
    private const double LeastShare = 0.05;

    // Of the square of the target: groups that add less are not divided any more.
    private const double WorthDividing = 0.004;

    // How far the gain of a format may be from that of the one that gains were measured with.
    private const double MostGainRatio = 16;

    // A choice whose error is this close to the target is good enough.
    private const double CloseEnough = 0.95;
    private const int MostTrials = 7;

    // The errors of a trial may be so many times those of the one before, and are not tried again where the difference is less.
    private const double MostStep = 32;
    private const double CloseFactor = 1.08;
    private const double Margin = 1.02;

    private readonly IReadOnlyList<IReadOnlyList<FormatOption>> _layers;
    private readonly IReadOnlyList<(int[] Choice, double Error)> _uniform;
    private readonly double _exactError;
    private readonly double _target;
    private readonly Func<int[], double> _measure;
    private readonly int _mostDivisions;
    private readonly int[] _exact;

    // What an option loses beyond the most exact one.
    private readonly double[][] _losses;

    /// <summary>Prepares a selection.</summary>
    /// <param name="layers">For each layer, in the order of their use, the formats that it can have.</param>
    /// <param name="uniform">Choices that have been measured, each with all layers in one format, and their errors.</param>
    /// <param name="exactError">The error with all layers as exact as they can be.</param>
    /// <param name="target">The largest error that is allowed.</param>
    /// <param name="measure">Measures the error of a choice: for each layer, the number of its option.</param>
    /// <param name="mostDivisions">How many times groups may be divided, with one measurement each.</param>
    public FormatSelection(
        IReadOnlyList<IReadOnlyList<FormatOption>> layers, IReadOnlyList<(int[] Choice, double Error)> uniform, double exactError, double target, Func<int[], double> measure, int mostDivisions)
    {
        _layers = layers;
        _uniform = uniform;
        _exactError = exactError;
        _target = target;
        _measure = measure;
        _mostDivisions = mostDivisions;
        _exact = Exact(layers);
        _losses = [.. layers.Select((options, layer) => options.Select(option => option.Loss - options[_exact[layer]].Loss).ToArray())];
    }

    /// <summary>The most measurements that are made.</summary>
    public static int MostMeasurements(int divisions) => divisions + MostTrials + 1;

    /// <summary>The option of each layer that loses least; of several, the one with the fewest bytes.</summary>
    public static int[] Exact(IReadOnlyList<IReadOnlyList<FormatOption>> layers) =>
        [.. layers.Select(options => Enumerable.Range(0, options.Count).MinBy(i => (options[i].Loss, options[i].Bytes)))];

    /// <summary>The bytes of a choice.</summary>
    public static long Bytes(IReadOnlyList<IReadOnlyList<FormatOption>> layers, int[] choice) => choice.Select((option, layer) => layers[layer][option].Bytes).Sum();

    /// <summary>Chooses.</summary>
    /// <returns>The option of each layer, the error that was measured with them, and what each layer adds to it: squares, whose sum is that of the error.</returns>
    /// <remarks>Where even the most exact options do not meet the target, they are what is returned.</remarks>
    public (int[] Choice, double Error, double[] Added) Select()
    {
        double[] gains = [.. _layers.Select(_ => 1.0)];
        double[][] added = _uniform.Count == 0 ? _losses : Predict(out gains);
        double factor = 1;
        double tooSmall = 0;
        double largeEnough = double.PositiveInfinity;
        (int[] Choice, double Error)? best = null;
        for (int trial = 0; trial < MostTrials; trial++)
        {
            int[] choice = Choose(added, factor);
            double error = Measure(choice);
            bool isGoodEnough;
            if (error <= _target)
            {
                largeEnough = factor;
                best = best is { } other && Bytes(_layers, other.Choice) <= Bytes(_layers, choice) ? best : (choice, error);
                isGoodEnough = error >= CloseEnough * _target || Bytes(_layers, choice) == _layers.Sum(options => options.Min(option => option.Bytes));
            }
            else
            {
                tooSmall = factor;
                isGoodEnough = choice.SequenceEqual(_exact);
            }

            if (isGoodEnough || largeEnough < CloseFactor * tooSmall)
            {
                break;
            }

            // What would have made the prediction right, a little more, as far as that is news.
            double right = Margin * Square(error) / Math.Max(Sum(added, choice), Smallest);
            factor = tooSmall == 0 ? Math.Clamp(right, largeEnough / MostStep, largeEnough / CloseFactor) :
                double.IsPositiveInfinity(largeEnough) ? Math.Clamp(right, tooSmall * CloseFactor, tooSmall * MostStep) :
                right > tooSmall * Margin && right < largeEnough / Margin ? right : Math.Sqrt(tooSmall * largeEnough);
        }

        (int[] chosen, double measured) = best ?? (_exact, _exactError);
        double scale = Square(measured) / Math.Max(Sum(added, chosen), Smallest);
        double[] least = [.. _layers.Select((options, layer) => (gains[layer] > 0 ? gains[layer] : 1) * options[_exact[layer]].Loss)];
        double leastScale = _exactError * _exactError / Math.Max(least.Sum(), Smallest);
        return (chosen, measured, [.. chosen.Select((option, layer) => added[layer][option] * scale + least[layer] * leastScale)]);
    }

    // What each option of each layer adds to the square of the error of the exact ones.
    private double[][] Predict(out double[] gains)
    {
        (int[] reference, double error) = _uniform.MinBy(uniform => Math.Abs(Math.Log(Math.Max(Square(uniform.Error), Smallest) / (_target * _target))));
        double[] found = gains = FindGains(reference, Square(error));
        Dictionary<ElementType, double> ratios = [];
        foreach ((int[] choice, double uniformError) in _uniform.OrderBy(uniform => !ReferenceEquals(uniform.Choice, reference)))
        {
            // What layers add whose format is known comes off first; the rest is the new format's.
            double rest = Square(uniformError);
            double predicted = 0;
            ElementType? type = null;
            for (int layer = 0; layer < _layers.Count; layer++)
            {
                ElementType chosen = _layers[layer][choice[layer]].Type;
                double loss = _losses[layer][choice[layer]];
                if (ratios.TryGetValue(chosen, out double known))
                {
                    rest -= known * gains[layer] * loss;
                }
                else if (loss > 0)
                {
                    type ??= chosen;
                    predicted += chosen == type ? gains[layer] * loss : 0;
                }
            }

            if (type is { } added)
            {
                ratios.Add(added, Math.Clamp(rest / Math.Max(predicted, Smallest), 1 / MostGainRatio, MostGainRatio));
            }
        }

        return [.. _layers.Select((options, layer) => options.Select((option, i) => ratios.GetValueOrDefault(option.Type, 1) * found[layer] * _losses[layer][i]).ToArray())];
    }

    private double[] FindGains(int[] reference, double all)
    {
        int[] lossy = [.. Enumerable.Range(0, _layers.Count).Where(layer => Loss(layer) > 0)];
        double mean = all / Math.Max(lossy.Sum(Loss), Smallest);
        List<Group> groups = lossy.Length == 0 ? [] : [new Group(lossy, all, 0)];
        for (int division = 0; division < _mostDivisions; division++)
        {
            Group? group = groups.Where(group => group.Layers.Length > 1).MaxBy(group => group.Added);
            if (group is null || group.Added < WorthDividing * _target * _target)
            {
                break;
            }

            (int[] first, int[] second) = Divide(group);
            int[] choice = [.. _exact];
            foreach (int layer in first)
            {
                choice[layer] = reference[layer];
            }

            double share = second.Sum(Loss) / group.Layers.Sum(Loss);
            double firstAdded = Square(Measure(choice));
            groups.Remove(group);
            groups.Add(new Group(first, firstAdded, group.Depth + 1));
            groups.Add(new Group(second, Math.Max(group.Added - firstAdded, LeastShare * share * group.Added), group.Depth + 1));
        }

        double[] gains = new double[_layers.Count];
        Array.Fill(gains, mean);
        foreach (Group group in groups)
        {
            double gain = group.Added / group.Layers.Sum(Loss);
            foreach (int layer in group.Layers)
            {
                gains[layer] = gain;
            }
        }

        return gains;

        double Loss(int layer) => _losses[layer][reference[layer]];

        // Into halves that lose as much, by prediction.
        (int[] First, int[] Second) Divide(Group group)
        {
            int[] ordered = group.Depth % 2 == 0 ? [.. group.Layers.OrderByDescending(Loss)] : group.Layers;
            double half = ordered.Sum(Loss) / 2;
            double sum = 0;
            int count = 0;
            while (count < ordered.Length - 1 && (count == 0 || sum + Loss(ordered[count]) <= half))
            {
                sum += Loss(ordered[count++]);
            }

            return ([.. ordered[..count].Order()], [.. ordered[count..].Order()]);
        }
    }

    // The choice with the fewest bytes, nearly, that adds less than the target by prediction.
    private int[] Choose(double[][] added, double factor)
    {
        double allowed = _target * _target - _exactError * _exactError;
        int[] choice = [.. _layers.Select((options, layer) => Enumerable.Range(0, options.Count).MinBy(i => (options[i].Bytes, added[layer][i])))];
        double total = factor * Sum(added, choice);
        while (total > allowed && FindMove(added, choice) is { } move)
        {
            total -= factor * (added[move.Layer][choice[move.Layer]] - added[move.Layer][move.Option]);
            choice[move.Layer] = move.Option;
        }

        // The last move took away more than was needed.
        for (int layer = 0; layer < choice.Length; layer++)
        {
            for (int option = 0; option < _layers[layer].Count; option++)
            {
                double more = factor * (added[layer][option] - added[layer][choice[layer]]);
                if (_layers[layer][option].Bytes < _layers[layer][choice[layer]].Bytes && total + more <= allowed)
                {
                    total += more;
                    choice[layer] = option;
                }
            }
        }

        return choice;
    }

    private (int Layer, int Option)? FindMove(double[][] added, int[] choice)
    {
        (int Layer, int Option)? best = null;
        double bestGain = 0;
        for (int layer = 0; layer < choice.Length; layer++)
        {
            for (int option = 0; option < _layers[layer].Count; option++)
            {
                double less = added[layer][choice[layer]] - added[layer][option];
                double bytes = Math.Max(1, _layers[layer][option].Bytes - _layers[layer][choice[layer]].Bytes);
                if (less > 0 && less / bytes > bestGain)
                {
                    bestGain = less / bytes;
                    best = (layer, option);
                }
            }
        }

        return best;
    }

    private double Measure(int[] choice) => choice.SequenceEqual(_exact) ? _exactError : _uniform.FirstOrDefault(uniform => uniform.Choice.SequenceEqual(choice)) is { Choice: not null } known ? known.Error : _measure(choice);

    // What is added to the error of the exact options.
    private double Square(double error) => double.IsFinite(error) ? Math.Clamp(error * error - _exactError * _exactError, 0, Hopeless) : Hopeless;

    private static double Sum(double[][] added, int[] choice) => choice.Select((option, layer) => added[layer][option]).Sum();

    // Layers that add so much together.
    private sealed record Group(int[] Layers, double Added, int Depth);
}
