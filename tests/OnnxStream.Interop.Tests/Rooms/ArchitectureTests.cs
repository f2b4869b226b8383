using System.Xml.Linq;

namespace OnnxStream.Interop.Tests.Rooms;

/// <summary>docs/architecture.md says which room knows which. Here the compiler says it.</summary>
public class ArchitectureTests
{
    // Enough to see what an arrow is made of.
    private const int PlacesShown = 12;

    private LibrarySources _sources = null!;
    private ArchitecturePage _page = null!;

    [OneTimeSetUp]
    public void Read()
    {
        _sources = LibrarySources.Read();
        _page = ArchitecturePage.Read();
    }

    [Test]
    public void EveryNameIsUnderstood() => Assert.That(_sources.UnknownNames, Is.Empty, string.Join(Environment.NewLine, _sources.UnknownNames));

    [Test]
    public void TableListsEveryRoom() => Assert.That(_page.Rooms.Keys, Is.EquivalentTo(_sources.Rooms.Append(LibrarySources.Bindings)));

    [Test]
    public void TableListsEveryArrow()
    {
        string[] missing = [.. _sources.Arrows
            .Where(pair => !_page.Rooms.TryGetValue(pair.Key.From, out IReadOnlySet<string>? known) || !known.Contains(pair.Key.To))
            .Select(pair => Describe(pair.Key))
            .Order(StringComparer.Ordinal)];
        Assert.That(missing, Is.Empty, $"the table of docs/architecture.md does not know of:{Environment.NewLine}{string.Join(Environment.NewLine, missing)}");
    }

    [Test]
    public void TableListsNoOtherArrow()
    {
        string[] unused = [.. _page.Rooms
            .SelectMany(pair => pair.Value.Select(known => new Arrow(pair.Key, known)))
            .Where(arrow => !_sources.Arrows.ContainsKey(arrow))
            .Select(arrow => arrow.ToString())];
        Assert.That(unused, Is.Empty, "the table of docs/architecture.md has arrows that no file makes");
    }

    [Test]
    public void NoRoomsKnowOneAnother()
    {
        IReadOnlyList<Arrow>? circle = Circle.Find([.. _sources.Arrows.Keys]);
        Assert.That(circle, Is.Null, $"a circle of rooms:{Environment.NewLine}{string.Join(Environment.NewLine, circle?.Select(Describe) ?? [])}");
    }

    [Test]
    public void NamespacesAreThoseOfTheRooms() => Assert.That(_sources.MisplacedFiles(), Is.Empty);

    [Test]
    public void WaysThroughTheCodeExist()
    {
        Assert.That(_page.Hops, Is.Not.Empty);
        Assert.That(_page.Hops.Where(hop => !_sources.Declares(hop.Type, hop.Member, hop.File)), Is.Empty, "docs/architecture.md names members that are not there");
    }

    // What is not public is out of reach for other projects, unless the library lets them in.
    [Test]
    public void OnlyTestsSeeInternals()
    {
        XDocument project = XDocument.Load(Repository.PathOf("src", "OnnxStream.Interop", "OnnxStream.Interop.csproj"));
        string[] friends = [.. project.Descendants("InternalsVisibleTo").Select(item => item.Attribute("Include")!.Value)];
        Assert.That(friends, Is.All.Matches<string>(friend => Directory.Exists(Repository.PathOf("tests", friend))));
    }

    [TestCase("src/OnnxStream.Interop.Pipelines", "Weights")]
    [TestCase("src/OnnxStream.Interop.Http", "Weights", "Http")]
    [TestCase("src/OnnxStream.Interop.Diffusion", "Weights", "Pipelines")]
    [TestCase("src/OnnxStream.Interop.Embeddings", "Weights", "Pipelines")]
    [TestCase("src/OnnxStream.Interop.Language", "Gguf", "Weights", "Pipelines")]
    [TestCase("src/OnnxStream.Interop.Cli", "Weights", "Diffusion", "Embeddings", "Fleet", "Language", "Server", "Speech", "Vision")]
    [TestCase("src/OnnxStream.Interop.Fleet", "Server")]
    [TestCase("src/OnnxStream.Interop.Server", "Weights", "Diffusion", "Embeddings", "Language", "Speech")]
    [TestCase("src/OnnxStream.Interop.Speech", "Weights", "Language", "Pipelines")]
    [TestCase("src/OnnxStream.Interop.Vision", "Weights", "Pipelines")]
    [TestCase("bindings", "Bindings")]
    public void OtherProjectsKnowThePublicFaceOnly(string folder, params string[] allowed)
    {
        string own = Path.GetExtension(folder).TrimStart('.');
        string[] found = [.. Directory.EnumerateFiles(Repository.PathOf(folder.Split('/')), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => File.ReadLines(file).Where(line => line.StartsWith("using ", StringComparison.Ordinal)).Select(line => (File: Path.GetFileName(file), Names: line.Replace("static ", "").TrimEnd(';').Split(' ')[^1].Split('.'))))
            .Where(line => line.Names is ["OnnxStream", "Interop", string room, ..] && room != own && !allowed.Contains(room))
            .Select(line => $"{line.File}: {string.Join('.', line.Names)}")];
        Assert.That(found, Is.Empty);
    }

    private string Describe(Arrow arrow)
    {
        IReadOnlyList<string> places = _sources.Arrows[arrow];
        string more = places.Count > PlacesShown ? $"{Environment.NewLine}    and {places.Count - PlacesShown} more" : "";
        return $"{arrow}{string.Concat(places.Take(PlacesShown).Select(place => $"{Environment.NewLine}    {place}"))}{more}";
    }
}
