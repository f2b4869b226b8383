using System.Text;

namespace OnnxStream.Interop.Diffusion.Tests.TinyShapes;

internal enum ShapeKind
{
    Circle,
    Square,
    Triangle,
    Star,
    Ring,
    Diamond,
}

internal enum Relation
{
    None,
    Above,
    Below,
    LeftOf,
    RightOf,
}

internal enum SizeWord
{
    None,
    Small,
    Large,
}

/// <summary>A colour that pictures are made of.</summary>
internal sealed record Colour(string Name, int Red, int Green, int Blue)
{
    public static Colour[] Palette { get; } =
    [
        new("red", 220, 40, 40), new("orange", 245, 140, 30), new("yellow", 245, 225, 60), new("green", 40, 170, 60),
        new("cyan", 60, 210, 220), new("blue", 45, 75, 220), new("purple", 140, 60, 190), new("pink", 250, 150, 200),
        new("white", 245, 245, 245), new("black", 20, 20, 20),
    ];

    public static Colour White => Palette[8];

    public static Colour Black => Palette[9];

    public double DistanceTo(double red, double green, double blue) =>
        Math.Sqrt(((Red - red) * (Red - red)) + ((Green - green) * (Green - green)) + ((Blue - blue) * (Blue - blue)));

    public double DistanceTo(Colour other) => DistanceTo(other.Red, other.Green, other.Blue);
}

/// <summary>A coloured shape; where it is matters to a drawing only.</summary>
internal sealed record SceneObject(ShapeKind Shape, Colour Colour, double X = 0, double Y = 0, double Radius = 0);

/// <summary>What a picture of the demo model's world shows, and the caption that says it. The rules are those of training/dataset.py.</summary>
internal sealed record Scene(SceneObject[] Objects, Colour Background, bool NamesBackground, Relation Relation, SizeWord Size)
{
    public const int PictureSize = 64;

    public string Caption
    {
        get
        {
            StringBuilder caption = new(WithArticle((Size == SizeWord.None ? "" : Size.ToString().ToLowerInvariant() + " ") + NameOf(Objects[0])));
            if (Relation != Relation.None)
            {
                string words = Relation switch { Relation.LeftOf => "left of", Relation.RightOf => "right of", _ => Relation.ToString().ToLowerInvariant() };
                _ = caption.Append($" {words} {WithArticle(NameOf(Objects[1]))}");
            }

            return NamesBackground ? caption.Append($" on {WithArticle(Background.Name)} background").ToString() : caption.ToString();
        }
    }

    /// <summary>Whether the training never saw the caption: a twentieth of all, chosen by their checksums.</summary>
    public bool IsUnseen => Crc32.Compute(Encoding.UTF8.GetBytes(Caption)) % 20 == 0;

    /// <summary>Every scene with one object, without a place.</summary>
    public static IEnumerable<Scene> AllWithOneObject() =>
        from size in Enum.GetValues<SizeWord>()
        from colour in Colour.Palette
        from shape in Enum.GetValues<ShapeKind>()
        from background in Colour.Palette.Prepend(null)
        where background != colour
        select new Scene(
            [new SceneObject(shape, colour)], background ?? (colour == Colour.White ? Colour.Black : Colour.White), background is not null, Relation.None, size);

    /// <summary>A scene by chance, with everything in its place.</summary>
    public static Scene Next(Random random)
    {
        while (true)
        {
            bool single = random.NextDouble() < 0.4;
            Relation relation = single ? Relation.None : (Relation)random.Next(1, 5);
            SizeWord size = single ? (SizeWord)random.Next(3) : SizeWord.None;
            SceneObject[] objects = single ? [Place(size)] : PlaceTwo(relation);
            bool namesBackground = random.NextDouble() < 0.6;
            Colour background = namesBackground ? Colour.Palette[random.Next(10)] :
                objects.Any(item => item.Colour == Colour.White) ? Colour.Black : Colour.White;

            // An object never has the background's colour.
            if (objects.All(item => item.Colour != background))
            {
                return new Scene(objects, background, namesBackground, relation, size);
            }
        }

        double Between(double low, double high) => low + ((high - low) * random.NextDouble());

        SceneObject Any(double x, double y, double radius) => new((ShapeKind)random.Next(6), Colour.Palette[random.Next(10)], x, y, radius);

        SceneObject Place(SizeWord size)
        {
            double radius = size switch { SizeWord.Small => Between(7, 10), SizeWord.Large => Between(17, 22), _ => Between(10, 18) };
            double shift = Math.Min(10, 30 - radius);
            return Any(32 + Between(-shift, shift), 32 + Between(-shift, shift), radius);
        }

        SceneObject[] PlaceTwo(Relation relation)
        {
            int first = relation is Relation.Above or Relation.LeftOf ? -1 : 1;
            return [.. new[] { first, -first }.Select(side =>
            {
                double along = 32 + (side * 16) + Between(-2, 2), across = 32 + Between(-5, 5), radius = Between(10, 13);
                return relation is Relation.Above or Relation.Below ? Any(across, along, radius) : Any(along, across, radius);
            })];
        }
    }

    private static string NameOf(SceneObject item) => $"{item.Colour.Name} {item.Shape.ToString().ToLowerInvariant()}";

    private static string WithArticle(string words) => ("aeiou".Contains(words[0], StringComparison.Ordinal) ? "an " : "a ") + words;
}
