namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

/// <summary>Something that a picture shows.</summary>
/// <param name="Shape">The shape whose outline matches best.</param>
/// <param name="Colour">The palette's colour that most of its pixels are nearest to.</param>
/// <param name="X">The middle of its pixels.</param>
/// <param name="Y">The middle of its pixels.</param>
/// <param name="Radius">Its radius, from its extent.</param>
internal sealed record FoundObject(ShapeKind Shape, Colour Colour, double X, double Y, double Radius);

/// <summary>What is right in a picture; <see cref="Axis"/> says that two objects lie as asked, whichever comes first.</summary>
internal sealed record Verdict(bool Background, bool Count, bool Axis, bool Colours, bool Shapes, bool Size)
{
    public bool All => Background && Count && Axis && Colours && Shapes && Size;
}

/// <summary>
/// Looks at the pixels of a picture and says what it shows: the background is the most frequent colour of the border, what differs
/// from it falls into connected components, and each of those is compared with the outline of every shape.
/// </summary>
internal sealed class PixelChecker
{
    private const int Size = Scene.PictureSize;
    private const int Border = 3;
    private const double DifferentFromBackground = 55;
    private const int SmallestObject = 25;
    private const double BetweenSmallAndLarge = 13.5;

    private readonly double[,] _distances = new double[Size * Size, Colour.Palette.Length];
    private readonly int[] _nearest = new int[Size * Size];

    private PixelChecker(RgbImage image)
    {
        Assert.That((image.Width, image.Height), Is.EqualTo((Size, Size)));
        for (int i = 0; i < _nearest.Length; i++)
        {
            ReadOnlySpan<byte> pixel = image.Pixels.Slice(i * 3, 3);
            for (int c = 0; c < Colour.Palette.Length; c++)
            {
                _distances[i, c] = Colour.Palette[c].DistanceTo(pixel[0], pixel[1], pixel[2]);
                if (_distances[i, c] < _distances[i, _nearest[i]])
                {
                    _nearest[i] = c;
                }
            }
        }
    }

    /// <summary>What the picture shows.</summary>
    public static (Colour Background, IReadOnlyList<FoundObject> Objects) Look(RgbImage image)
    {
        PixelChecker checker = new(image);
        int background = checker.MostFrequent(Enumerable.Range(0, Size * Size).Where(IsInBorder));
        List<FoundObject> objects = [];
        foreach (List<int> component in Components([.. Enumerable.Range(0, Size * Size).Select(i => checker._distances[i, background] > DifferentFromBackground)]))
        {
            if (component.Count >= SmallestObject)
            {
                objects.Add(checker.Recognise(component, background));
            }
        }

        return (Colour.Palette[background], objects);
    }

    /// <summary>Compares what a picture shows with what it should show.</summary>
    public static Verdict Judge(RgbImage image, Scene wanted)
    {
        (Colour background, IReadOnlyList<FoundObject> found) = Look(image);
        FoundObject[] objects = [.. found];
        bool enough = objects.Length >= wanted.Objects.Length;
        bool axis = enough;
        if (wanted.Objects.Length == 2 && enough)
        {
            bool vertical = wanted.Relation is Relation.Above or Relation.Below;
            bool reversed = wanted.Relation is Relation.Below or Relation.RightOf;
            objects = [.. objects.OrderByDescending(item => item.Radius).Take(2).OrderBy(item => (reversed ? -1 : 1) * (vertical ? item.Y : item.X))];
            double acrossX = Math.Abs(objects[0].X - objects[1].X), acrossY = Math.Abs(objects[0].Y - objects[1].Y);
            (double along, double across) = vertical ? (acrossY, acrossX) : (acrossX, acrossY);
            axis = along > across && along > 12;
        }

        return new Verdict(
            Background: background == wanted.Background,
            Count: objects.Length == wanted.Objects.Length && found.Count == wanted.Objects.Length,
            Axis: axis,
            Colours: enough && wanted.Objects.Zip(objects).All(pair => pair.First.Colour == pair.Second.Colour),
            Shapes: enough && wanted.Objects.Zip(objects).All(pair => pair.First.Shape == pair.Second.Shape),
            Size: enough && (wanted.Size == SizeWord.None || objects[0].Radius > BetweenSmallAndLarge == (wanted.Size == SizeWord.Large)));
    }

    private static bool IsInBorder(int pixel) =>
        pixel % Size < Border || pixel % Size >= Size - Border || pixel / Size < Border || pixel / Size >= Size - Border;

    private int MostFrequent(IEnumerable<int> pixels) =>
        pixels.GroupBy(pixel => _nearest[pixel]).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).First().Key;

    /// <summary>Groups of pixels that touch, also by their corners.</summary>
    private static IEnumerable<List<int>> Components(bool[] mask)
    {
        bool[] seen = new bool[mask.Length];
        for (int start = 0; start < mask.Length; start++)
        {
            if (!mask[start] || seen[start])
            {
                continue;
            }

            List<int> component = [start];
            seen[start] = true;
            for (int i = 0; i < component.Count; i++)
            {
                foreach (int next in Neighbours(component[i]))
                {
                    if (mask[next] && !seen[next])
                    {
                        seen[next] = true;
                        component.Add(next);
                    }
                }
            }

            yield return component;
        }
    }

    private static IEnumerable<int> Neighbours(int pixel)
    {
        int x = pixel % Size, y = pixel / Size;
        for (int ny = Math.Max(y - 1, 0); ny <= Math.Min(y + 1, Size - 1); ny++)
        {
            for (int nx = Math.Max(x - 1, 0); nx <= Math.Min(x + 1, Size - 1); nx++)
            {
                yield return (ny * Size) + nx;
            }
        }
    }

    private FoundObject Recognise(List<int> component, int background)
    {
        // Pixels at the edge are mixtures; they have no say in the colour, unless there are hardly any others.
        HashSet<int> members = [.. component];
        int[] inner = [.. component.Where(pixel => Neighbours(pixel).All(members.Contains))];
        int colour = MostFrequent(inner.Length >= 12 ? inner : component);
        double halfWay = 0.5 * Colour.Palette[colour].DistanceTo(Colour.Palette[background]);
        List<int> pixels = [.. component.Where(pixel => _distances[pixel, colour] < halfWay)];
        if (pixels.Count < 15)
        {
            pixels = component;
        }

        (ShapeKind shape, double radius) = BestShape([.. pixels]);
        return new FoundObject(shape, Colour.Palette[colour], pixels.Average(pixel => pixel % Size) + 0.5, pixels.Average(pixel => pixel / Size) + 0.5, radius);
    }

    /// <summary>The shape which, put where the pixels are and made as large as they are, has the most in common with them.</summary>
    private static (ShapeKind Shape, double Radius) BestShape(HashSet<int> pixels)
    {
        int left = pixels.Min(pixel => pixel % Size), right = pixels.Max(pixel => pixel % Size) + 1;
        int top = pixels.Min(pixel => pixel / Size), bottom = pixels.Max(pixel => pixel / Size) + 1;
        (ShapeKind Shape, double Radius, double Match) best = (ShapeKind.Circle, 0, -1);
        foreach (ShapeKind shape in Enum.GetValues<ShapeKind>())
        {
            (double side, double up, double down) = ShapeGeometry.Extent(shape);
            double radius = 0.5 * (((right - left) / (2 * side)) + ((bottom - top) / (up + down)));
            double x = (left + right) / 2.0, y = top + ((bottom - top) * up / (up + down));
            foreach (double factor in (ReadOnlySpan<double>)[0.92, 1, 1.06])
            {
                // The shape lies within its extent.
                double reach = radius * factor;
                int both = 0, either = pixels.Count;
                for (int row = Math.Max((int)(y - (reach * up)), 0); row <= Math.Min((int)(y + (reach * down)), Size - 1); row++)
                {
                    for (int column = Math.Max((int)(x - (reach * side)), 0); column <= Math.Min((int)(x + (reach * side)), Size - 1); column++)
                    {
                        if (ShapeGeometry.Distance(shape, column + 0.5 - x, row + 0.5 - y, reach) < 0)
                        {
                            bool shared = pixels.Contains((row * Size) + column);
                            both += shared ? 1 : 0;
                            either += shared ? 0 : 1;
                        }
                    }
                }

                double match = (double)both / either;
                if (match > best.Match)
                {
                    best = (shape, radius, match);
                }
            }
        }

        return (best.Shape, best.Radius);
    }
}
