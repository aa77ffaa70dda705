/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What news and sports speak of all the time. Left out on purpose: cities that are words ("nice", "reading",
 * "cork", "bath"), first names (nearly all are words or of no use to a translator), and what apertium's
 * dictionary finds by itself when a word is unknown to it small ("messi"). */
#include "name_rules.h"

#include "language.h"

static const char *const english_phrases[] = {"United States",
                                              "United Kingdom",
                                              "United Nations",
                                              "United Arab Emirates",
                                              "European Union",
                                              "Great Britain",
                                              "Northern Ireland",
                                              "New York",
                                              "New Zealand",
                                              "New England",
                                              "New Orleans",
                                              "New Jersey",
                                              "New Mexico",
                                              "New Delhi",
                                              "Los Angeles",
                                              "Las Vegas",
                                              "San Francisco",
                                              "San Diego",
                                              "San Antonio",
                                              "Santa Monica",
                                              "South Africa",
                                              "North Korea",
                                              "South Korea",
                                              "North America",
                                              "South America",
                                              "Latin America",
                                              "Central America",
                                              "North Carolina",
                                              "South Carolina",
                                              "North Dakota",
                                              "South Dakota",
                                              "West Virginia",
                                              "Middle East",
                                              "Saudi Arabia",
                                              "Sri Lanka",
                                              "Costa Rica",
                                              "Puerto Rico",
                                              "El Salvador",
                                              "Ivory Coast",
                                              "Sierra Leone",
                                              "Hong Kong",
                                              "Buenos Aires",
                                              "Rio de Janeiro",
                                              "Tel Aviv",
                                              "Cape Town",
                                              "Mexico City",
                                              "Kuala Lumpur",
                                              "Czech Republic",
                                              "Dominican Republic",
                                              "World Cup",
                                              "Premier League",
                                              "Champions League",
                                              "Super Bowl",
                                              "Olympic Games",
                                              "Real Madrid",
                                              "Atletico Madrid",
                                              "Real Sociedad",
                                              "Manchester United",
                                              "Manchester City",
                                              "Bayern Munich",
                                              "Tottenham Hotspur",
                                              "Aston Villa",
                                              "Crystal Palace",
                                              "Red Sea",
                                              "Mediterranean Sea",
                                              "Black Sea",
                                              "North Sea",
                                              "Atlantic Ocean",
                                              "Pacific Ocean",
                                              "Indian Ocean",
                                              "Wall Street",
                                              "Downing Street",
                                              "the White House",
                                              "Supreme Court",
                                              "Security Council",
                                              "World Health Organization",
                                              "World War Two",
                                              "World War One",
                                              "Second World War",
                                              "First World War",
                                              "New Year's Eve",
                                              "New Year's Day",
                                              "Christmas Eve",
                                              "Vatican City",
                                              "Gaza Strip",
                                              "San Sebastian",
                                              "Prince of Wales",
                                              "Gulf of Mexico",
                                              "Bosnia and Herzegovina",
                                              NULL};

#define PLACES                                                                                               \
    " in from to into against across near between inside outside visit visited visiting visits leave left "  \
    "reach reached beat beats toward towards like southern northern eastern western central "
#define OFFICES                                                                                              \
    " government president prime minister ministers parliament army border people police capital language "  \
    "state city team soldiers players player side striker goalkeeper authorities officials president's "     \
    "troops king queen economy company cup league embassy ambassador citizens foreign midfielder "

static const struct doubtful_name english_doubtful[] = {
    {"polish", NULL, OFFICES, NULL, NULL},
    {"turkey", PLACES, NULL, NULL, NULL},
    {"china", NULL, NULL, " the a an bone fine his her their our my your of broken old ",
     " cup cups plate plates "},
    {"guinea", NULL, NULL, " the a an ", " pig pigs fowl "},
    {"wales", NULL, NULL, " the a ", NULL},
    {"chile", NULL, NULL, " the a red green hot ", " pepper peppers "},
    {"chad", PLACES, NULL, NULL, NULL},
    {"mali", PLACES " of ", NULL, NULL, NULL},
    {"arsenal", NULL, NULL, " the a an its his their nuclear vast huge big ", NULL},
    {"god", NULL, NULL, " a the sun ", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const char *const spanish_phrases[] = {"Estados Unidos",
                                              "Reino Unido",
                                              "Naciones Unidas",
                                              "Unión Europea",
                                              "Gran Bretaña",
                                              "Nueva York",
                                              "Nueva Zelanda",
                                              "Nueva Delhi",
                                              "Corea del Sur",
                                              "Corea del Norte",
                                              "Arabia Saudí",
                                              "Arabia Saudita",
                                              "Oriente Medio",
                                              "Oriente Próximo",
                                              "América Latina",
                                              "América del Sur",
                                              "América del Norte",
                                              "Costa Rica",
                                              "Puerto Rico",
                                              "Buenos Aires",
                                              "San Francisco",
                                              "San Sebastián",
                                              "Santo Domingo",
                                              "La Habana",
                                              "la Casa Blanca",
                                              "Real Madrid",
                                              "Atlético de Madrid",
                                              "Real Sociedad",
                                              "Athletic Club",
                                              "Liga de Campeones",
                                              "Las Palmas",
                                              "Costa de Marfil",
                                              "Sierra Leona",
                                              "Sri Lanka",
                                              "Hong Kong",
                                              "Tel Aviv",
                                              "Río de Janeiro",
                                              "Ciudad de México",
                                              "en Los Ángeles",
                                              "de Los Ángeles",
                                              "República Dominicana",
                                              "República Checa",
                                              "Banco Central Europeo",
                                              "Mar Mediterráneo",
                                              "Mar Negro",
                                              "Océano Atlántico",
                                              "Océano Pacífico",
                                              "Comunidad Valenciana",
                                              "País Vasco",
                                              "Islas Canarias",
                                              "Islas Baleares",
                                              NULL};

#define SPANISH_PLACES " a de desde en hacia contra entre hasta y "

static const struct doubtful_name spanish_doubtful[] = {
    {"chile", NULL, NULL, " el un con ", " verde rojo "},
    {"china", SPANISH_PLACES, NULL, NULL, NULL},
    {"argentina", SPANISH_PLACES " ^ ", NULL, NULL, NULL},
    {"india", SPANISH_PLACES " la ", NULL, NULL, NULL},
    {"lima", SPANISH_PLACES, NULL, NULL, NULL},
    {"mediterráneo", " el al del ", NULL, NULL, NULL},
    {"atlántico", " el al del ", NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const struct name_rules rules[] = {
    {"en",
     " monday tuesday wednesday thursday friday saturday sunday january february april june july august "
     "september october november december christmas easter "
     "afghan african albanian algerian american arab arabic argentine argentinian asian australian austrian "
     "bavarian belgian bosnian brazilian british bulgarian canadian catalan catholic chilean chinese "
     "christian colombian croatian cuban czech danish dutch egyptian english european finnish french german "
     "greek hungarian indian indonesian iranian iraqi irish islamic israeli italian jamaican japanese jewish "
     "kenyan korean kurdish latin lebanese libyan mexican moroccan muslim nigerian norwegian pakistani "
     "palestinian peruvian portuguese romanian russian scottish serbian slovak slovenian spaniard spanish "
     "swedish swiss syrian taiwanese thai tunisian turk turkish ukrainian venezuelan vietnamese welsh "
     "yemeni yugoslav englishman frenchman irishman dutchman "
     "afghanistan africa albania algeria america antarctica arabia argentina armenia asia australia austria "
     "azerbaijan bahrain bangladesh belarus belgium bolivia bosnia botswana brazil britain bulgaria "
     "cambodia cameroon canada colombia croatia cuba cyprus denmark ecuador egypt england eritrea estonia "
     "ethiopia europe finland france germany ghana greece greenland guatemala haiti honduras hungary iceland "
     "india indonesia iran iraq ireland israel italy jamaica japan jordan georgia congo kazakhstan kenya "
     "kosovo kuwait laos "
     "latvia lebanon liberia libya lithuania luxembourg macedonia malaysia malta mexico moldova monaco "
     "mongolia montenegro morocco mozambique myanmar namibia nepal netherlands nicaragua nigeria norway oman "
     "pakistan palestine panama paraguay peru philippines poland portugal qatar romania russia rwanda "
     "scotland senegal serbia singapore slovakia slovenia somalia spain sudan sweden switzerland syria "
     "taiwan tanzania thailand tibet tunisia uganda ukraine uruguay uzbekistan venezuela vietnam yemen "
     "zambia zimbabwe california texas florida alaska hawaii catalonia andalusia siberia crimea gaza "
     "amsterdam ankara athens baghdad bangkok barcelona beijing beirut belfast belgrade berlin bilbao bogota "
     "brasilia brussels bucharest budapest cairo caracas chicago copenhagen damascus dallas dublin edinburgh "
     "florence frankfurt geneva glasgow granada hamburg havana helsinki houston istanbul jakarta jerusalem "
     "johannesburg kabul kiev kyiv lagos lima lisbon liverpool london madrid malaga manchester manila "
     "marseille melbourne miami milan montevideo montreal moscow munich nairobi naples oslo paris "
     "philadelphia "
     "prague quito riyadh rome santiago sarajevo seattle seoul seville shanghai sofia stockholm sydney "
     "tehran "
     "tokyo toronto tripoli tunis turin valencia vancouver venice vienna vilnius warsaw washington "
     "wellington "
     "yorkshire zagreb zurich hollywood manhattan wimbledon brooklyn "
     "chelsea everton juventus atlantic pacific mediterranean danube thames amazon himalayas "
     "vatican kremlin pentagon nazi ",
     " nato fifa uefa nasa bbc cnn fbi cia nba nfl uk usa ", english_phrases, english_doubtful},
    {"es",
     " españa francia alemania italia portugal inglaterra escocia gales irlanda bélgica holanda suiza "
     "austria dinamarca suecia noruega finlandia islandia polonia hungría rumanía bulgaria grecia croacia "
     "serbia eslovenia eslovaquia ucrania rusia bielorrusia europa áfrica asia américa oceanía méxico "
     "brasil turquía sudáfrica colombia perú ecuador bolivia venezuela uruguay paraguay guatemala honduras "
     "nicaragua "
     "panamá cuba canadá japón corea pakistán afganistán irán irak siria líbano israel palestina "
     "egipto libia túnez argelia marruecos nigeria senegal kenia etiopía somalia sudán australia vietnam "
     "tailandia indonesia filipinas taiwán catalunya cataluña andalucía galicia extremadura cantabria "
     "navarra "
     "asturias aragón murcia madrid barcelona sevilla bilbao zaragoza málaga valladolid alicante córdoba "
     "toledo cádiz almería pamplona mallorca tenerife londres parís berlín roma lisboa bruselas moscú kiev "
     "viena atenas varsovia praga budapest estocolmo copenhague ginebra milán nápoles turín múnich bogotá "
     "quito caracas montevideo pekín tokio seúl jerusalén bagdad damasco teherán washington chicago "
     "miami "
     "california texas florida navidad vaticano kremlin wimbledon ",
     " otan fifa uefa nasa ue onu ", spanish_phrases, spanish_doubtful},
};

const struct name_rules *name_rules_for(const char *language)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++)
        if (text_is_language(language, rules[i].language))
            return &rules[i];
    return NULL;
}
